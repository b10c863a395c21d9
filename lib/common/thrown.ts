/**
 * Values that somebody else made, such as what was thrown: each may throw in turn at whoever asks it for something.
 * These functions never do.
 */

/** A property that is text; undefined when it is not, or cannot be read. */
export function textIn(value: unknown, key: string): string | undefined {
  try {
    const text = (value as Record<string, unknown> | null | undefined)?.[key];
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}

/** What it is, in one line: `name: message` where it is an error, or like one. */
export function describe(value: unknown): string {
  if (!isObject(value)) return String(value);
  const message = textIn(value, "message");
  const name = textIn(value, "name") || classOf(value);
  if (message === undefined) return `an object of class ${name}`;
  return message === "" ? name : `${name}: ${message}`;
}

/** What was aborted may throw a `DOMException` in place of the reason, which has that as its cause. */
export function abortReasonOf(value: unknown): unknown {
  try {
    return value instanceof DOMException ? value.cause : value;
  } catch {
    return value;
  }
}

/** Where it was made, if it says so, and what it is in any case. */
export function stackOf(value: unknown): string {
  return textIn(value, "stack") || describe(value);
}

/** An error with the same name, message and stack, and nothing of it that anybody could stumble over. */
export function standIn(value: object): Error {
  const message = textIn(value, "message") ?? "its message cannot be read";
  const name = textIn(value, "name") || classOf(value);
  return Object.defineProperties(new Error(message), {
    name: { value: name },
    stack: { value: textIn(value, "stack") || `${name}: ${message}` },
    constructor: { value: undefined }, // who asks for its class gets its name
  });
}

export function isObject(value: unknown): value is object {
  return (
    (typeof value === "object" && value !== null) || typeof value === "function"
  );
}

function classOf(value: object): string {
  try {
    return textIn(value.constructor, "name") || "Object";
  } catch {
    return "Object";
  }
}
