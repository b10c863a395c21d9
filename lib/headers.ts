/** Pure work on headers: reading a request's, checking a reply's. */
import { InvalidReplyError } from "./errors.ts";
import type { ReplyHeaders } from "./types.ts";
import type { HttpRequest } from "./uws.ts";

/** RFC 9110, section 5.6.2: token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110, section 5.5, as bytes: visible ASCII, space, tab and obs-text. A CR, LF or NUL here would split the reply. */
const NOT_FIELD_CONTENT = /[^\t\x20-\x7e\x80-\xff]/;

/** The request's header fields. Names are case-insensitive. */
export class RequestHeaders implements Iterable<[name: string, value: string]> {
  /** name, value, name, value, … in the order they came; names in lower case. */
  readonly raw: readonly string[];

  constructor(raw: readonly string[]) {
    this.raw = raw;
  }

  /** Copies them out of the engine, which forgets them when the route callback returns. */
  static read(req: HttpRequest): RequestHeaders {
    const raw: string[] = [];
    req.forEach((name, value) => void raw.push(name, value));
    return new RequestHeaders(raw);
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
      value =
        value === undefined
          ? raw[i + 1]!
          : value + (wanted === "cookie" ? "; " : ", ") + raw[i + 1]!;
    }
    return value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let i = 0; i < this.raw.length; i += 2)
      yield [this.raw[i]!, this.raw[i + 1]!];
  }
}

/**
 * A reply's headers, checked and ready to be written. May stand in a reply as they are; an adapter makes them where its
 * application can still be told of a mistake.
 *
 * @throws {InvalidReplyError} naming the field: a name that is no token, a value with control characters or characters
 * beyond latin-1, `transfer-encoding`, a `content-length` that is no number.
 */
export class CheckedHeaders {
  /** name, value, name, value, …; names as given. A value with bytes above 0x7f is already latin-1. */
  readonly fields: (string | Buffer)[] = [];
  hasContentType = false;
  /** As declared by the application. */
  contentLength: number | undefined;
  /** The application asked to close the connection after the reply. */
  close = false;

  constructor(headers?: Exclude<ReplyHeaders, CheckedHeaders>) {
    if (headers !== undefined)
      for (const [name, value] of pairs(headers)) this.#add(name, value);
  }

  /** These, with a content-type: theirs, or else `type`. Not changed themselves, as they may be in use elsewhere. */
  typed(type: string): CheckedHeaders {
    if (this.hasContentType) return this;
    const copy = Object.assign(new CheckedHeaders(), this, {
      fields: [...this.fields],
    });
    copy.#add("content-type", type);
    return copy;
  }

  #add(name: string, value: string): void {
    if (typeof name !== "string" || !TOKEN.test(name))
      throw new InvalidReplyError(`${quote(name)} is no header name`);
    if (typeof value !== "string" || NOT_FIELD_CONTENT.test(value))
      throw new InvalidReplyError(
        `header ${name}: ${quote(value)} is no header value`,
      );
    const take = SPECIAL.get(name.toLowerCase());
    if (take !== undefined && !take(this, name, value)) return;
    this.fields.push(
      name,
      OBS_TEXT.test(value) ? Buffer.from(value, "latin1") : value,
    );
  }
}

/** Takes note of a field that means something to the gateway itself; true: it is written all the same. */
type Take = (headers: CheckedHeaders, name: string, value: string) => boolean;

const SPECIAL = new Map<string, Take>([
  [
    "content-length", // the engine writes it; here it is only a promise to check the body against
    (headers, name, value) => {
      if (!/^\d{1,15}$/.test(value))
        throw new InvalidReplyError(`header ${name}: "${value}" is no length`);
      headers.contentLength = Number(value);
      return false;
    },
  ],
  ["content-type", (headers) => (headers.hasContentType = true)],
  // RFC 9112, sections 6.1 and 9.6: how a message is framed on this connection is the gateway's business.
  [
    "transfer-encoding",
    (_, name) => {
      throw new InvalidReplyError(
        `header ${name} is the gateway's; stream the body and it is set`,
      );
    },
  ],
  [
    "connection",
    (headers, name, value) => {
      if (!/^(close|keep-alive)$/i.test(value))
        throw new InvalidReplyError(
          `header ${name}: "${value}" is the gateway's; only "close" can be asked for`,
        );
      headers.close = value.toLowerCase() === "close";
      return false;
    },
  ],
  ["date", () => false], // the engine sends its own, and two are an error
]);

type Pairs = Iterable<readonly [name: string, value: string]>;

/** Headers in whatever shape, as pairs; not checked. */
export function pairs(headers: Exclude<ReplyHeaders, CheckedHeaders>): Pairs {
  return Symbol.iterator in headers ? headers : pairsOf(headers);
}

function* pairsOf(
  headers: Readonly<Record<string, HeaderValue>>,
): Generator<[string, string]> {
  for (const name in headers) {
    const value = headers[name];
    if (Array.isArray(value)) for (const one of value) yield [name, one];
    else if (typeof value === "number") yield [name, String(value)];
    else if (value !== undefined) yield [name, value as string];
  }
}

type HeaderValue = string | number | readonly string[] | undefined;

/** Bytes that a string would not be sent as: the engine writes strings as UTF-8. */
const OBS_TEXT = /[\x80-\xff]/;

function quote(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : `${typeof value} ${String(value)}`;
}
