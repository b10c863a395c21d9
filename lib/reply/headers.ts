/** The header fields of a reply, checked. */
import { InvalidReplyError } from "../common/errors.ts";
import {
  FIELD_VALUE,
  mayTrail,
  PLAIN_VALUE,
  TOKEN,
  type PlainHeaders,
} from "../common/fields.ts";

export type { PlainHeaders };

/**
 * A reply's headers, checked and ready to be written. May stand in a reply as they are; an adapter makes them where its
 * application can still be told of a mistake.
 *
 * @throws {InvalidReplyError} naming the field: a name that is not a token, a value with control characters or
 * characters beyond latin-1, `transfer-encoding`, a `content-length` that is not a number.
 */
export class CheckedHeaders implements Iterable<[name: string, value: string]> {
  /** name, value, name, value, …; names as given. A value with bytes above 0x7f is already latin-1. */
  readonly fields: (string | Buffer)[] = [];
  hasContentType = false;
  /** As declared by the application. */
  contentLength: number | undefined;
  /** The application asked to close the connection after the reply. */
  close = false;
  /** When it was made, as another server has said of what is handed on. */
  date: string | undefined;

  /** `reserved`: names, in lower case, that whoever made these headers may not set. */
  constructor(headers?: PlainHeaders, reserved: ReadonlySet<string> = NONE) {
    if (headers !== undefined)
      for (const [name, value] of pairs(headers))
        add(this, name, value, reserved);
  }

  /** As they were given, but for what is never sent. */
  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    const { fields, contentLength, close, date } = this;
    for (let i = 0; i < fields.length; i += 2)
      yield [asText(fields[i]!), asText(fields[i + 1]!)];
    if (contentLength !== undefined)
      yield ["content-length", String(contentLength)];
    if (close) yield ["connection", "close"];
    if (date !== undefined) yield ["date", date];
  }

  /** Without a content-type of the gateway's: what the application leaves out is left out, as other servers do. */
  asTheyAre(): this {
    this.hasContentType = true;
    return this;
  }

  /** These, with a content-type: theirs, or else `type`. Not changed themselves, as they may be in use elsewhere. */
  typed(type: string): CheckedHeaders {
    if (this.hasContentType) return this;
    const copy = Object.assign(new CheckedHeaders(), this, {
      fields: [...this.fields],
    });
    add(copy, "content-type", type, NONE);
    return copy;
  }
}

const asText = (value: string | Buffer): string =>
  typeof value === "string" ? value : value.toString("latin1");

/**
 * Fields that follow a body, checked: name, value, …, as in `CheckedHeaders`.
 *
 * @throws {InvalidReplyError} naming the field, as for headers; also for one that cannot stand there (RFC 9110, section
 *   6.5.1).
 */
export function checkedTrailers(trailers: PlainHeaders): (string | Buffer)[] {
  const fields = [...pairs(trailers)];
  const stray = fields.find(([name]) => !mayTrail(String(name)));
  if (stray !== undefined)
    throw new InvalidReplyError(
      `${stray[0]} cannot be a trailer (RFC 9110, section 6.5.1); it belongs in the headers`,
    );
  return new CheckedHeaders(fields).fields;
}

const NONE: ReadonlySet<string> = new Set();

function add(
  headers: CheckedHeaders,
  name: string,
  value: string,
  reserved: ReadonlySet<string>,
): void {
  const take = FREQUENT.get(name) ?? takeOf(name, reserved);
  const checked = checkValue(name, value);
  if (take(headers, name, value)) headers.fields.push(name, checked);
}

function takeOf(name: string, reserved: ReadonlySet<string>): Take {
  if (typeof name !== "string" || !TOKEN.test(name))
    throw new InvalidReplyError(`${quote(name)} is not a valid header name`);
  const lowerCase = name.toLowerCase();
  if (reserved.has(lowerCase))
    throw new InvalidReplyError(
      `header ${name} is the gateway's, not the application's`,
    );
  return SPECIAL.get(lowerCase) ?? write;
}

/** The value as the engine has to get it: it writes strings as UTF-8, and bytes as they are. */
function checkValue(name: string, value: string): string | Buffer {
  if (typeof value === "string") {
    if (PLAIN_VALUE.test(value)) return value;
    if (FIELD_VALUE.test(value)) return Buffer.from(value, "latin1");
  }
  throw new InvalidReplyError(
    `header ${name}: ${quote(value)} is not a valid header value`,
  );
}

/** Takes note of a field that means something to the gateway itself; true: it is written all the same. */
type Take = (headers: CheckedHeaders, name: string, value: string) => boolean;

/** It means nothing to it. */
const write: Take = () => true;

const SPECIAL = new Map<string, Take>([
  [
    "content-length", // the engine writes it; here it is only a promise to check the body against
    (headers, name, value) => {
      if (!/^\d{1,15}$/.test(value))
        throw new InvalidReplyError(
          `header ${name}: "${value}" is not a valid length`,
        );
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
  [
    "date", // engines send one of their own, and two are an error
    (headers, _, value) => {
      if (HTTP_DATE.test(value)) headers.date = value;
      return false;
    },
  ],
]);

/**
 * What most replies have, as it is written most: to look at the letters of a name takes longer. Nobody reserves them.
 * Hot path.
 */
const FREQUENT: ReadonlyMap<string, Take> = new Map(
  [
    "content-type",
    "Content-Type",
    "content-length",
    "Content-Length",
    "cache-control",
    "Cache-Control",
    "etag",
    "ETag",
    "set-cookie",
    "Set-Cookie",
    "vary",
    "Vary",
  ].map((name) => [name, takeOf(name, NONE)]),
);

/** RFC 9110, section 5.6.7, in the one form that may be sent. */
const HTTP_DATE =
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

type Pairs = Iterable<readonly [name: string, value: string]>;

/**
 * Headers in whatever shape, as pairs; these are not checked.
 *
 * @throws {InvalidReplyError} for what has no such shape.
 */
export function pairs(headers: PlainHeaders): Pairs {
  if (typeof headers !== "object" || headers === null || "then" in headers)
    throw new InvalidReplyError(
      `headers are an object, pairs or a Headers, not ${headers instanceof Promise ? "a promise" : quote(headers)}`,
    );
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

function quote(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : `${typeof value} ${String(value)}`;
}
