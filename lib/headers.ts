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

/** A reply's headers, checked and ready to be written. */
export interface HeaderFields {
  /** name, value, name, value, …; names as given. A value with bytes above 0x7f is already latin-1. */
  readonly fields: (string | Buffer)[];
  hasContentType: boolean;
  /** As declared by the application. */
  contentLength: number | undefined;
  /** The application asked to close the connection after the reply. */
  close: boolean;
}

/** What a field means to the gateway itself, where it means anything. */
const SPECIAL: Record<
  string,
  ((fields: HeaderFields, name: string, value: string) => boolean) | undefined
> = {
  // The engine writes the length; here it is only a promise to check the body against.
  "content-length": (fields, name, value) => {
    if (!/^\d{1,15}$/.test(value))
      throw new InvalidReplyError(`header ${name}: "${value}" is no length`);
    fields.contentLength = Number(value);
    return false;
  },
  "content-type": (fields) => (fields.hasContentType = true),
  // RFC 9112, sections 6.1 and 9.6: how a message is framed on this connection is the gateway's business.
  "transfer-encoding": (_, name) => {
    throw new InvalidReplyError(
      `header ${name} is the gateway's; stream the body and it is set`,
    );
  },
  connection: (fields, name, value) => {
    if (!/^(close|keep-alive)$/i.test(value))
      throw new InvalidReplyError(
        `header ${name}: "${value}" is the gateway's; only "close" can be asked for`,
      );
    fields.close = value.toLowerCase() === "close";
    return false;
  },
  date: () => false, // the engine sends its own, and two are an error
};

/**
 * Checks all fields before the first is written.
 *
 * @throws {InvalidReplyError} naming the field: a name that is no token, a value with control characters or characters
 * beyond latin-1, `transfer-encoding`, a `content-length` that is no number.
 */
export function checkHeaders(headers: ReplyHeaders): HeaderFields {
  const checked = noHeaders();
  if (isPairs(headers))
    for (const [name, value] of headers) add(checked, name, value);
  else for (const name in headers) addAll(checked, name, headers[name]);
  return checked;
}

export function noHeaders(): HeaderFields {
  return {
    fields: [],
    hasContentType: false,
    contentLength: undefined,
    close: false,
  };
}

/** Headers in whatever shape, as pairs; not checked. */
export function* pairs(
  headers: ReplyHeaders,
): Generator<[name: string, value: string]> {
  if (isPairs(headers))
    for (const [name, value] of headers) yield [name, value];
  else
    for (const [name, value] of Object.entries(headers))
      for (const one of values(value)) yield [name, one];
}

function isPairs(
  headers: ReplyHeaders,
): headers is Iterable<readonly [string, string]> {
  return Symbol.iterator in headers;
}

type HeaderValue = string | number | readonly string[] | undefined;

function values(value: HeaderValue): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "object" ? value : [String(value)];
}

function addAll(checked: HeaderFields, name: string, value: HeaderValue): void {
  if (typeof value === "string") add(checked, name, value);
  else for (const one of values(value)) add(checked, name, one);
}

function add(checked: HeaderFields, name: string, value: string): void {
  if (typeof name !== "string" || !TOKEN.test(name))
    throw new InvalidReplyError(`${quote(name)} is no header name`);
  if (typeof value !== "string" || NOT_FIELD_CONTENT.test(value))
    throw new InvalidReplyError(
      `header ${name}: ${quote(value)} is no header value`,
    );
  if (SPECIAL[name.toLowerCase()]?.(checked, name, value) === false) return;
  checked.fields.push(
    name,
    ASCII.test(value) ? value : Buffer.from(value, "latin1"),
  );
}

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

function quote(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : `${typeof value} ${String(value)}`;
}
