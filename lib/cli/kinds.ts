/** The kinds of value that a setting can have: how each is read from text, checked, and shown. */
import { parse as parseDuration } from "@lukeed/ms";
import { parseTarget } from "../engine/target.ts";

export interface Kind<T> {
  /** Reads text, or what a file's format has in place of it. Undefined when it is not valid. */
  read(given: unknown): T | undefined;
  /** Of the value in `--help`; a flag without one is a switch. */
  readonly placeholder?: string;
  /** Completes "takes …". */
  readonly expected: string;
  /** Given more than once, the values are a list. */
  readonly repeats?: true;
  /** May be one, or have one in it: a wrong value is not shown, because terminals and logs would keep it. */
  readonly secret?: true;
  show(value: T): string;
}

const plain = (value: unknown): string => String(value);

const isTable = (given: unknown): given is object =>
  typeof given === "object" && given !== null;

const asText = (given: unknown): string | undefined =>
  typeof given === "string" ? given : undefined;

/** The value, if it fits. */
const only = <T>(
  value: T | undefined,
  fits: (value: T) => boolean,
): T | undefined => (value !== undefined && fits(value) ? value : undefined);

export const text = (
  placeholder = "TEXT",
  expected = "text",
): Kind<string> => ({
  read: asText,
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
  read: (given) => only(asText(given), fits),
});

/** Where to listen, or one of a few words in place of it. A port alone may be a number. */
export const address = (
  expected: string,
  ...words: readonly string[]
): Kind<string> => ({
  ...text("ADDRESS", expected),
  read: (given) =>
    only(
      typeof given === "number" ? String(given) : asText(given),
      (value) => words.includes(value) || parseTarget(value) !== undefined,
    ),
});

/** Never shown. */
export const secret: Kind<string> = {
  ...textThat(
    "TEXT",
    "text of 16 characters or more",
    (given) => given === "" || given.length >= 16,
  ),
  secret: true,
  show: (value) => (value ? "(set)" : "none"),
};

const ON = ["true", "yes", "on", "1"];
const OFF = ["false", "no", "off", "0"];

export const onOff: Kind<boolean> = {
  read(given) {
    const word = isTable(given) ? "" : plain(given);
    return ON.includes(word) ? true : OFF.includes(word) ? false : undefined;
  },
  expected: "true or false",
  show: plain,
};

function wholeNumber(given: unknown, from: number): number | undefined {
  const isDigits = typeof given === "string" && /^\d+$/.test(given);
  const number = isDigits ? Number(given) : given;
  return Number.isInteger(number) && (number as number) >= from
    ? (number as number)
    : undefined;
}

export const count = (from: number): Kind<number> => ({
  read: (given) => wholeNumber(given, from),
  placeholder: "NUMBER",
  expected: `a whole number from ${from}`,
  show: plain,
});

export const countOrAuto: Kind<number | "auto"> = {
  read: (given) => (given === "auto" ? "auto" : wholeNumber(given, 1)),
  placeholder: "NUMBER",
  expected: 'a whole number from 1, or "auto"',
  show: plain,
};

export const choice = <const T extends string>(...names: T[]): Kind<T> => ({
  read: (given) => names.find((name) => name === given),
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
  read(given) {
    const entries: unknown = typeof given === "string" ? split(given) : given;
    const fit = (entry: unknown): boolean =>
      typeof entry === "string" && fits(entry);
    return Array.isArray(entries) && entries.every(fit) ? entries : undefined;
  },
  placeholder,
  expected,
  repeats: true,
  show: (value) => value.join(", ") || "none",
});

const split = (entries: string): string[] =>
  entries
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean);

const isNone = (given: unknown): boolean => given === "none" || given === "off";

/** Milliseconds. A number without a unit is refused, except 0: it might mean seconds or milliseconds. */
export const duration: Kind<number> = {
  read(given) {
    if (isNone(given)) return Infinity;
    if (given === 0 || given === "0") return 0;
    const hasUnit = typeof given === "string" && /[a-z]$/i.test(given);
    return hasUnit ? only(parseDuration(given), (ms) => ms >= 0) : undefined;
  },
  placeholder: "DURATION",
  expected:
    'a duration with its unit, such as "30s", "5m" or "250ms", or "none"',
  show: (ms) => scaled(ms, DURATIONS),
};

const DURATIONS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const SIZES = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, B: 1 };

/** In bytes. `2m` and `2MB` mean `2MiB`, as in nginx and Apache; the parsers on npm read bits, or 2. */
export const size: Kind<number> = {
  read(given) {
    if (isNone(given)) return Infinity;
    if (typeof given !== "string") return wholeNumber(given, 0);
    return /^\d+(\.\d+)?\s*([kmg]?(i?b)?)$/i.test(given)
      ? Math.round(parseFloat(given) * unitOf(given))
      : undefined;
  },
  placeholder: "SIZE",
  expected: 'a size such as "512KiB", "2MiB" or "1GiB", or "none"',
  show: (bytes) => scaled(bytes, SIZES),
};

export const sizeUpTo = (limit: number, expected: string): Kind<number> => ({
  ...size,
  read: (given) => only(size.read(given), (bytes) => bytes <= limit),
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
interface Requirement {
  readonly required?: boolean | undefined;
  readonly default?: string | undefined;
  readonly description?: string | undefined;
}

export type Requirements = Record<string, Requirement>;

const TYPES = { required: "boolean", default: "string", description: "string" };

const isRequirement = (given: unknown): boolean =>
  isTable(given) &&
  Object.entries(given).every(
    ([name, value]) =>
      name in TYPES &&
      (value === undefined ||
        typeof value === TYPES[name as keyof Requirement]),
  );

export const requirements: Kind<Requirements> = {
  read: (given) =>
    isTable(given) && Object.values(given).every(isRequirement)
      ? (given as Requirements)
      : undefined,
  expected:
    "a table of names, each with `required`, `default` or `description`",
  secret: true, // a default may be one
  show: (value) => Object.keys(value).join(", ") || "none",
};
