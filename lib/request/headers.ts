/** The header fields of a request. */

/** The request's header fields. Names are case-insensitive. */
export class RequestHeaders implements Iterable<[name: string, value: string]> {
  /** name, value, name, value, … in the order they came; names in lower case. */
  readonly raw: readonly string[];

  constructor(raw: readonly string[]) {
    this.raw = raw;
  }

  /**
   * The value; undefined when the field is missing. Repeated fields are joined by a comma (RFC 9110, section 5.3),
   * cookies by a semicolon (RFC 6265, section 5.4).
   */
  get(name: string): string | undefined {
    const raw = this.raw;
    const wanted = name.toLowerCase();
    let value: string | undefined;
    for (let i = 0; i < raw.length; i += 2) {
      if (raw[i] !== wanted) continue;
      value = joined(wanted, value, raw[i + 1]!);
    }
    return value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Each name once, with its value as `get` gives it, in the order in which the names came. */
  [Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    const values = new Map<string, string>();
    for (let i = 0; i < this.raw.length; i += 2) {
      const name = this.raw[i]!;
      values.set(name, joined(name, values.get(name), this.raw[i + 1]!));
    }
    return values.entries();
  }
}

const joined = (name: string, before: string | undefined, value: string) =>
  before === undefined
    ? value
    : before + (name === "cookie" ? "; " : ", ") + value;
