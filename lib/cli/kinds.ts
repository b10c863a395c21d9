/** The kinds of value that a setting can have: how each is read from text, checked, and shown. */
import { parse as parseDuration } from "@lukeed/ms";
import * as v from "valibot";
import { parseTarget } from "../engine/target.ts";

export interface Kind<T> {
  /** Reads what a flag, a variable or a file gives: text, or what the file's format has. */
  readonly schema: v.GenericSchema<unknown, T>;
  /** Of the value in `--help`; a flag without one is a switch. */
  readonly placeholder?: string;
  /** Completes "takes …". */
  readonly expected: string;
  /** Given more than once, the values are a list. */
  readonly repeats?: true;
  /** A wrong value is not shown, because terminals and logs would keep it. */
  readonly secret?: true;
  show(value: T): string;
}

const plain = (value: unknown): string => String(value);

export const text = (
  placeholder = "TEXT",
  expected = "text",
): Kind<string> => ({
  schema: v.string(),
  placeholder,
  expected,
  show: (value) => value || "none",
});

/** Text of a certain form. */
export const textThat = (
  placeholder: string,
  expected: string,
  fits: (given: string) => boolean,
): Kind<string> => ({
  ...text(placeholder, expected),
  schema: v.pipe(v.string(), v.check(fits)),
});

/** Where to listen, or one of a few words in place of it. A port alone may be a number. */
export const address = (
  expected: string,
  ...words: readonly string[]
): Kind<string> => ({
  ...text("ADDRESS", expected),
  schema: v.pipe(
    v.union([v.string(), v.pipe(v.number(), v.transform(String))]),
    v.check(
      (given) => words.includes(given) || parseTarget(given) !== undefined,
    ),
  ),
});

/** Never shown. */
export const secret: Kind<string> = {
  ...text("TEXT", "text of 16 characters or more"),
  secret: true,
  schema: v.pipe(
    v.string(),
    v.union([v.literal(""), v.pipe(v.string(), v.minLength(16))]),
  ),
  show: (value) => (value ? "(set)" : "none"),
};

const SWITCH: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

export const onOff: Kind<boolean> = {
  schema: v.union([
    v.boolean(),
    v.pipe(
      v.union([v.string(), v.number()]),
      v.transform((given) => SWITCH[given]),
      v.boolean(),
    ),
  ]),
  expected: "true or false",
  show: plain,
};

const wholeNumber = v.pipe(
  v.union([
    v.number(),
    v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number)),
  ]),
  v.integer(),
);

export const count = (from: number): Kind<number> => ({
  schema: v.pipe(wholeNumber, v.minValue(from)),
  placeholder: "NUMBER",
  expected: `a whole number from ${from}`,
  show: plain,
});

export const countOrAuto: Kind<number | "auto"> = {
  schema: v.union([v.literal("auto"), v.pipe(wholeNumber, v.minValue(1))]),
  placeholder: "NUMBER",
  expected: 'a whole number from 1, or "auto"',
  show: plain,
};

export const choice = <const T extends string>(...names: T[]): Kind<T> => ({
  schema: v.picklist(names),
  placeholder: names.join("|"),
  expected: names.join(", ").replace(/, (?=[^,]*$)/, " or "),
  show: plain,
});

/** In a variable or an INI file, commas separate the entries, each of which has to fit. */
export const list = (
  placeholder: string,
  expected: string,
  fits: (entry: string) => boolean = () => true,
): Kind<string[]> => ({
  schema: v.pipe(
    v.union([
      v.array(v.string()),
      v.pipe(
        v.string(),
        v.transform((given) =>
          given
            .split(",")
            .map((entry) => entry.trim())
            .filter(Boolean),
        ),
      ),
    ]),
    v.check((entries) => entries.every(fits)),
  ),
  placeholder,
  expected,
  repeats: true,
  show: (value) => value.join(", ") || "none",
});

const NONE = v.pipe(
  v.picklist(["none", "off"]),
  v.transform(() => Infinity),
);

/** Milliseconds. A number without a unit is refused, except 0: it might mean seconds or milliseconds. */
export const duration: Kind<number> = {
  schema: v.union([
    NONE,
    v.pipe(
      v.union([v.literal(0), v.literal("0")]),
      v.transform(() => 0),
    ),
    v.pipe(
      v.string(),
      v.regex(/[a-z]$/i),
      v.transform((given) => parseDuration(given)),
      v.number(),
      v.minValue(0),
    ),
  ]),
  placeholder: "DURATION",
  expected:
    'a duration with its unit, such as "30s", "5m" or "250ms", or "none"',
  show: (ms) => scaled(ms, DURATIONS),
};

const DURATIONS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const SIZES = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, B: 1 };

/** In bytes. `2m` and `2MB` mean `2MiB`, as in nginx and Apache; the parsers on npm read bits, or 2. */
export const size: Kind<number> = {
  schema: v.union([
    NONE,
    v.pipe(v.number(), v.integer(), v.minValue(0)),
    v.pipe(
      v.string(),
      v.regex(/^\d+(\.\d+)?\s*([kmg]?(i?b)?)$/i),
      v.transform((given) => Math.round(parseFloat(given) * unitOf(given))),
    ),
  ]),
  placeholder: "SIZE",
  expected: 'a size such as "512KiB", "2MiB" or "1GiB", or "none"',
  show: (bytes) => scaled(bytes, SIZES),
};

export const sizeUpTo = (limit: number, expected: string): Kind<number> => ({
  ...size,
  schema: v.pipe(size.schema, v.maxValue(limit)),
  expected,
});

function unitOf(given: string): number {
  const [letter] = /[kmg]/i.exec(given) ?? ["b"];
  const unit = { k: SIZES.KiB, m: SIZES.MiB, g: SIZES.GiB, b: 1 };
  return unit[letter.toLowerCase() as keyof typeof unit];
}

/** In the largest unit that leaves a whole number. */
function scaled(
  amount: number,
  units: Readonly<Record<string, number>>,
): string {
  if (amount === Infinity) return "none";
  if (amount === 0) return "0";
  const [name, factor] = Object.entries(units).find(
    ([, factor]) => amount % factor === 0,
  ) ?? ["", 1];
  return `${amount / factor}${name}`;
}

/** A variable that the application needs. Only config files can ask for one. */
const REQUIREMENT = v.strictObject({
  required: v.optional(v.boolean()),
  default: v.optional(v.string()),
  description: v.optional(v.string()),
});

export type Requirements = Record<string, v.InferOutput<typeof REQUIREMENT>>;

export const requirements: Kind<Requirements> = {
  schema: v.record(v.string(), REQUIREMENT),
  expected:
    "a table of names, each with `required`, `default` or `description`",
  show: (value) => Object.keys(value).join(", ") || "none",
};
