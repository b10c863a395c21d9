/** The kinds of value that a setting can have: how each is read from text, checked, and shown. */
import { parse as parseDuration } from "@lukeed/ms";
import { isBrokerUrl } from "../brokers/location.ts";
import { withoutSecrets } from "../brokers/location.ts";
import { parseTarget } from "../engine/target.ts";
import { parseHttpAddress } from "./http-address.ts";

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

const ON = ["true", "yes", "on", "1"];
const OFF = ["false", "no", "off", "0"];

/** What text that names a file is. */
export const PATH = "a path";

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

/** A file, standard output (`-`, or what switches on), or `none` (or what switches off). */
export const fileOrNone: Kind<string> = {
  ...text("FILE", "a path, - or none"),
  read(given) {
    const word = isTable(given) ? undefined : plain(given);
    if (OFF.includes(word ?? "")) return "none";
    return given === true || ON.includes(word ?? "") ? "-" : asText(given);
  },
};

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

/** A part of the whole. */
export const share: Kind<number> = {
  read(given) {
    const value =
      typeof given === "number" ? given : Number(asText(given) || NaN);
    return value >= 0 && value <= 1 ? value : undefined;
  },
  placeholder: "SHARE",
  expected: "a number from 0 to 1",
  show: plain,
};

/** Never shown. Empty, or so long at least. */
export const secret = (least: number): Kind<string> => ({
  ...textThat(
    "TEXT",
    least > 1 ? `text of ${least} characters or more` : "text",
    (given) => given === "" || given.length >= least,
  ),
  secret: true,
  show: (value) => (value ? "(set)" : "none"),
});

/** Where a broker is. Its user and password are not shown. */
export const brokerUrl: Kind<string> = {
  ...textThat(
    "URL",
    "the URL of a broker, such as nats://127.0.0.1:4222 or redis://127.0.0.1:6379",
    isBrokerUrl,
  ),
  secret: true,
  show: (value) => withoutSecrets(value) || "none",
};

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

export const descriptor: Kind<number | "none"> = {
  read: (given) => (given === "none" ? "none" : wholeNumber(given, 0)),
  placeholder: "NUMBER",
  expected: 'the number of a file descriptor, or "none"',
  show: plain,
};

export const countOrAuto: Kind<number | "auto"> = {
  read: (given) => (given === "auto" ? "auto" : wholeNumber(given, 0)),
  placeholder: "NUMBER",
  expected: 'a whole number from 0, or "auto"',
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

/** Where to listen for HTTP, or `none`. A port alone may be a number. */
export const httpAddresses: Kind<string[]> = {
  ...list(
    "ADDRESS",
    'addresses such as ":8000", "127.0.0.1:8000" or "unix:/run/app.sock", each with "=node" or "=uws" behind it ' +
      'where it has an engine of its own, and each once; or "none"',
  ),
  read(given) {
    const entries = [typeof given === "string" ? split(given) : given]
      .flat()
      .map((entry: unknown) => (isTable(entry) ? "" : plain(entry)));
    if (entries.join() === "none") return [];
    const fit = entries.every((entry) => parseHttpAddress(entry) !== undefined);
    return fit && isOnce(entries) && entries.length > 0 ? entries : undefined;
  },
};

const isOnce = (entries: readonly string[]): boolean =>
  new Set(entries).size === entries.length;

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
    if (isZero(given)) return 0;
    const hasUnit = typeof given === "string" && /[a-z]$/i.test(given);
    return hasUnit ? only(parseDuration(given), (ms) => ms >= 0) : undefined;
  },
  placeholder: "DURATION",
  expected:
    'a duration with its unit, such as "30s", "5m" or "250ms", or "none"',
  show: (ms) => scaled(ms, DURATIONS),
};

/** How long something may take: 0 is no time at all in none of them, and means `none`. */
export const timeLimit: Kind<number> = {
  ...duration,
  read(given) {
    const ms = duration.read(given);
    return ms === 0 ? Infinity : ms;
  },
};

const DURATIONS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const SIZES = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, B: 1 };

/** With any unit: the parser of durations reads none of these. */
const isZero = (given: unknown): boolean =>
  given === 0 ||
  (typeof given === "string" && /^0+(\.0+)?\s*(ms|s|m|h|d|w|y)?$/i.test(given));

/**
 * In bytes, and as a duration with its unit, except 0. `2m` and `2MB` mean `2MiB`, as in nginx and Apache; the parsers
 * on npm read bits, or 2.
 */
export const size: Kind<number> = {
  read(given) {
    if (isNone(given)) return Infinity;
    if (given === 0 || given === "0") return 0;
    return typeof given === "string" &&
      /^\d+(\.\d+)?\s*([kmg](i?b)?|b)$/i.test(given)
      ? Math.round(parseFloat(given) * unitOf(given))
      : undefined;
  },
  placeholder: "SIZE",
  expected:
    'a size with its unit, such as "512KiB", "2MiB" or "4096B", or "none"',
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
