/** What nobody should read in a log, wherever it stands in what is logged. */
import { types } from "node:util";

/** Header fields that let their reader pass for somebody else. */
const SECRET_HEADERS: readonly string[] = [
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
];

export const REDACTED = "[redacted]";

/**
 * Objects that are looked at for one line. What is larger is not meant to be logged: a socket leads to a whole server.
 */
const MAX_OBJECTS = 10_000;

/**
 * Finds secrets by their names, in any case and at any depth: as properties, also of errors, their causes and what
 * their `toJSON` makes; in pairs and lists of names and values; and in text, at the start of a line. `HTTP_COOKIE` of
 * an environ is `cookie`, too.
 */
export class Secrets {
  readonly #names: ReadonlySet<string>;
  readonly lines: RegExp;

  /** `more`: names beside those of the header fields that are secret in any case. */
  constructor(more: readonly string[] = []) {
    const names = [...SECRET_HEADERS, ...more].map(normal);
    this.#names = new Set(names);
    this.lines = new RegExp(
      `^(${names.map(escape).join("|")})[ \\t]*:.*$`,
      "gim",
    );
  }

  has(name: string): boolean {
    return this.#names.has(normal(name));
  }

  /**
   * The value, or a copy of it without its secrets.
   *
   * @throws what the value throws when it is asked for its properties.
   * @throws {RangeError} when it leads to too many objects.
   */
  redact<T>(value: T): T {
    return new Copy(this).of(value);
  }
}

const normal = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll("_", "-")
    .replace(/^http-/, "");

const escape = (text: string): string =>
  text.replace(/[^a-z0-9]/g, String.raw`\$&`);

/** Where an error keeps what is written of it beside its own fields. */
const OF_AN_ERROR = ["message", "stack", "cause", "errors"];

/** Which field is meant, in a list of objects: `{ name: "Cookie", value: "…" }`. */
const NAMES = ["name", "key"];

/** The copy keeps rings and classes. It is used only if it differs. */
class Copy {
  readonly #secrets: Secrets;
  readonly #copies = new Map<object, unknown>();
  #differs = false;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  of<T>(value: T): T {
    const copy = this.#copy(value) as T;
    return this.#differs ? copy : value;
  }

  #copy(value: unknown): unknown {
    if (typeof value === "string") return this.#text(value);
    if (typeof value !== "object" || value === null) return value;
    if (ArrayBuffer.isView(value)) return value;
    if (this.#copies.has(value)) return this.#copies.get(value);
    if (this.#copies.size === MAX_OBJECTS)
      throw new RangeError(`it leads to more than ${MAX_OBJECTS} objects`);
    if (Array.isArray(value)) return this.#list(value);
    if (types.isNativeError(value)) return this.#object(value, OF_AN_ERROR);
    const { toJSON } = value as { toJSON?: unknown };
    return typeof toJSON === "function"
      ? this.#json(value, toJSON.call(value))
      : this.#object(value);
  }

  #text(text: string): string {
    const without = text.replace(this.#secrets.lines, `$1: ${REDACTED}`);
    if (without !== text) this.#differs = true;
    return without;
  }

  /** A name, its value, a name, its value, …: a pair is the shortest. */
  #list(list: readonly unknown[]): unknown[] {
    const copy: unknown[] = [];
    this.#copies.set(list, copy);
    const isPaired = list.length % 2 === 0;
    for (let i = 0; i < list.length; i++)
      copy[i] =
        isPaired && i % 2 === 1 && this.#isSecret(list[i - 1])
          ? this.#redacted(list[i])
          : this.#copy(list[i]);
    return copy;
  }

  /** What is written of it. It stays as it is if there is no secret in that. */
  #json(value: object, json: unknown): unknown {
    if (json === value) return this.#object(value);
    this.#copies.set(value, value);
    const differed = this.#differs;
    this.#differs = false;
    const copy = this.#copy(json);
    if (this.#differs) this.#copies.set(value, copy);
    this.#differs ||= differed;
    return this.#copies.get(value);
  }

  /** `hidden`: what else is read of it, where it is there. */
  #object(value: object, hidden: readonly string[] = []): object {
    const copy = Object.create(
      Object.getPrototypeOf(value) as object | null,
    ) as object;
    this.#copies.set(value, copy);
    const from = value as Record<string, unknown>;
    if (!Object.isExtensible(value) && typeof from.message === "string")
      this.#differs = true; // pino marks the errors that it has seen
    const isNamed = NAMES.some(
      (key) => Object.hasOwn(value, key) && this.#isSecret(from[key]),
    );
    for (const key of [...Object.keys(value), ...hidden]) {
      if (!Object.hasOwn(value, key) || Object.hasOwn(copy, key)) continue;
      const isSecret = this.#isSecret(key) || (isNamed && key === "value");
      Object.defineProperty(copy, key, {
        value: isSecret ? this.#redacted(from[key]) : this.#copy(from[key]),
        enumerable: !hidden.includes(key),
        writable: true,
        configurable: true,
      });
    }
    return copy;
  }

  #isSecret(name: unknown): boolean {
    return typeof name === "string" && this.#secrets.has(name);
  }

  #redacted(value: unknown): unknown {
    if (value === undefined || value === null) return value;
    this.#differs = true;
    return REDACTED;
  }
}
