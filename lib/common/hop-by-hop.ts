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
