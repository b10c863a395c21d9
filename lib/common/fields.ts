/** What HTTP says of fields: what they are made of, as regular expressions, and which are handed on. */

/**
 * Header fields as somebody writes them; a `set-cookie` is repeated by an array of values or by pairs of the same
 * name.
 */
export type PlainHeaders =
  | { readonly [name: string]: string | number | readonly string[] | undefined }
  | Iterable<readonly [name: string, value: string]>;

/** RFC 9110, section 5.6.2: token. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110, section 5.5, as bytes: visible ASCII, space, tab and obs-text. A CR, LF or NUL would split the message. */
export const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The same without obs-text: the part of it that is alike in all encodings. */
export const PLAIN_VALUE = /^[\t\x20-\x7e]*$/;

/**
 * Names, in lower case, of header fields that concern a single connection and are never handed on (RFC 9110, sections
 * 7.6.1 and 11.7). A message can name further ones in its `Connection` field.
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Names, in lower case, of fields that cannot stand behind a body, because who reads them there has acted already: they
 * say where a message ends or goes, who asks, how its content is to be read, or how a reply is to be kept (RFC 9110,
 * section 6.5.1). Beside those that concern a connection.
 */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  "age",
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "expect",
  "expires",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "location",
  "max-forwards",
  "pragma",
  "range",
  "retry-after",
  "set-cookie",
  "vary",
  "warning",
  "www-authenticate",
]);

/** Whether a field may stand behind a body. `name`: in any case. */
export function mayTrail(name: string): boolean {
  const lowerCase = name.toLowerCase();
  return !NOT_IN_TRAILERS.has(lowerCase) && !HOP_BY_HOP.has(lowerCase);
}

/** Of these a client may not say that they concern its connection alone: without them it is another request. */
const NO_OPTIONS: ReadonlySet<string> = new Set(["content-length", "host"]);

/**
 * The fields that are handed on: all but hop-by-hop ones, those that `Connection` names, and `further` ones, in
 * lower case. `raw` and the result: name, value, name, value, …
 */
export function endToEnd(
  raw: readonly string[],
  further: readonly string[] = [],
): string[] {
  const names = raw.map((_, i) => raw[i - (i % 2)]!.toLowerCase());
  const connection = raw.filter(
    (_, i) => i % 2 === 1 && names[i] === "connection",
  );
  const options = connection.join().toLowerCase().split(",");
  const named = options.map((option) => option.trim());
  const dropped = new Set([
    ...HOP_BY_HOP,
    ...named.filter((name) => !NO_OPTIONS.has(name)),
    ...further,
  ]);
  return raw.filter((_, i) => !dropped.has(names[i]!));
}

/** The option `close` in a field `Connection` (RFC 9112, section 9.6). */
export const CLOSE_OPTION = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;

/** Whether there is a field of this name, which is in lower case. `fields`: name, value, name, value, … */
export const hasField = (
  fields: readonly (string | Buffer)[],
  name: string,
): boolean =>
  fields.some((it, i) => i % 2 === 0 && String(it).toLowerCase() === name);

/** name, value, name, value, … as pairs. */
export function pairsOf(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [
    raw[2 * i]!,
    raw[2 * i + 1]!,
  ]);
}
