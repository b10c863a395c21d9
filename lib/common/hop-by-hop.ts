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
 * The fields that are handed on: all but those whose names are in `dropped`, in lower case, or in `Connection`.
 * `raw` and the result: name, value, name, value, …
 */
export function endToEnd(
  raw: readonly string[],
  dropped = HOP_BY_HOP,
): string[] {
  const names = raw.map((_, i) => raw[i - (i % 2)]!.toLowerCase());
  const connection = raw.filter(
    (_, i) => i % 2 === 1 && names[i] === "connection",
  );
  const options = connection.join().toLowerCase().split(",");
  const named = new Set(options.map((option) => option.trim()));
  return raw.filter((_, i) => !dropped.has(names[i]!) && !named.has(names[i]!));
}
