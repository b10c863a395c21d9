/** Options as a user gave them, checked against a table of rules. */
import { UsageError } from "./errors.ts";

/** Whether a value is valid, and how an error says what it has to be. */
export type Rule = readonly [
  valid: (value: unknown) => boolean,
  expected: string,
];

/** 24 days: with a longer time, such as `Infinity`, `setTimeout` fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const TEXT: Rule = [
  (value) => typeof value === "string" && value !== "",
  "a text that is not empty",
];
export const SWITCH: Rule = [
  (value) => typeof value === "boolean",
  "true or false",
];
export const AMOUNT: Rule = [
  (value) => typeof value === "number" && value >= 0,
  "a number from 0 up",
];
export const COUNT: Rule = [
  (value) => Number.isInteger(value) && (value as number) >= 1,
  "a whole number from 1 up",
];
export const COUNT_OR_INFINITY: Rule = [
  (value) => value === Infinity || COUNT[0](value),
  `${COUNT[1]}, or Infinity`,
];

/** One path, not a pattern. */
export const PLAIN_PATH: Rule = [
  (value) => typeof value === "string" && /^\/[^:*?#\s]*$/.test(value),
  'a path such as "/healthz"',
];

/** One of a few texts. */
export function oneOf(...texts: readonly string[]): Rule {
  const quoted = texts.map((text) => `"${text}"`);
  const expected = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return [(value) => texts.includes(value as string), expected];
}

/**
 * The options that are not undefined, once each has passed its rule.
 *
 * @param whose - what takes them, such as `"wsgi()"`, for the message of the error.
 * @throws {UsageError} naming an option that there is no rule for, or one whose value breaks its rule.
 */
export function checkOptions<T extends object>(
  options: T,
  rules: Readonly<Record<string, Rule>>,
  whose?: string,
): Partial<T> {
  const names = Object.keys(rules).join(", ");
  if (typeof options !== "object" || options === null)
    throw new UsageError(
      `${whose ? `${whose} takes` : "options are"} an object with ${names}, not ${shown(options)}`,
    );
  const given = Object.entries(options).filter(
    ([, value]) => value !== undefined,
  );
  for (const [name, value] of given) {
    if (!Object.hasOwn(rules, name))
      throw new UsageError(
        `there is no option "${name}" ${whose ? `of ${whose}` : "here"}, only ${names}`,
      );
    const [valid, expected] = rules[name]!;
    if (!valid(value))
      throw new UsageError(
        `option "${name}"${whose ? ` of ${whose}` : ""} takes ${expected}, not ${shown(value)}`,
      );
  }
  return Object.fromEntries(given) as Partial<T>;
}

/** With the quotation marks of a string: a number within them is the most frequent mistake. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
