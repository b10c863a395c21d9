/**
 * A request as variables (RFC 3875, section 4.1), with a character for each byte, as in PEP 3333 and the uwsgi
 * protocol.
 */
import type { X509Certificate } from "node:crypto";
import type { GatewayRequest } from "../../lib/adapter.ts";

/** What variables say of a client's certificate. */
export type ShownCertificate = Pick<
  X509Certificate,
  "subject" | "issuer" | "serialNumber"
>;

/** The parts of a request that become variables. */
export type CgiRequest = Pick<
  GatewayRequest,
  | "method"
  | "protocol"
  | "mountPath"
  | "path"
  | "queryString"
  | "remoteAddress"
  | "scheme"
  | "host"
  | "headers"
> & { readonly peerCertificate?: ShownCertificate | undefined };

/** Path and query as the client sent them, with the mount. */
export function targetOf({
  mountPath,
  path,
  queryString,
}: Pick<CgiRequest, "mountPath" | "path" | "queryString">): string {
  const query = queryString === "" ? "" : `?${queryString}`;
  return toNative(`${mountPath}${path}${query}`);
}

/** Every variable that does not come from a header. SERVER_NAME and SERVER_PORT are never empty. */
export const CGI_VARIABLES = {
  REQUEST_METHOD: (request) => request.method,
  SCRIPT_NAME: (request) => decodePath(request.mountPath),
  PATH_INFO: (request) => decodePath(request.path),
  QUERY_STRING: (request) => toNative(request.queryString),
  SERVER_PROTOCOL: (request) => request.protocol,
  SERVER_NAME: (request) => hostOf(request)[0] || "localhost",
  SERVER_PORT: (request) =>
    hostOf(request)[1] || (request.scheme === "https" ? "443" : "80"),
  REMOTE_ADDR: (request) => request.remoteAddress,
} as const satisfies Record<string, (request: CgiRequest) => string>;

/** Of a certificate that the client has shown and the listener has checked, by the names of Apache's mod_ssl. */
export const CERTIFICATE_VARIABLES = {
  SSL_CLIENT_VERIFY: () => "SUCCESS",
  SSL_CLIENT_S_DN: ({ subject }) => distinguishedName(subject),
  SSL_CLIENT_I_DN: ({ issuer }) => distinguishedName(issuer),
  SSL_CLIENT_M_SERIAL: ({ serialNumber }) => serialNumber,
} as const satisfies Record<string, (certificate: ShownCertificate) => string>;

/** RFC 4514, section 2.1: the last part comes first. Node has escaped them, and gives one a line. */
const distinguishedName = (parts: string): string =>
  toNative(parts.split("\n").toReversed().join(","));

/**
 * Adds the header fields, which are given as name, value, name, value, …, with names in lower case. `Content-Type` and
 * `Content-Length` have names of their own. Repeated fields are joined.
 */
export function addHeaders(
  variables: Record<string, unknown>,
  raw: readonly string[],
): void {
  for (let i = 0; i < raw.length; i += 2) {
    const [name, value] = [raw[i]!, toNative(raw[i + 1]!)];
    if (name.includes("_")) continue; // "x_user" would pass for "x-user", which a proxy in front may have checked
    const key = cgiName(name);
    variables[key] = joinValues(name, variables[key] as string, value);
  }
}

/** Repeated cookies are joined by a semicolon (RFC 6265, section 5.4), other fields by a comma. */
export function joinValues(
  name: string,
  before: string | undefined,
  value: string,
): string {
  if (before === undefined) return value;
  return before + (name === "cookie" ? "; " : ",") + value;
}

/** The variable of a header field. */
export function cgiName(name: string): string {
  const key = name.toUpperCase().replaceAll("-", "_");
  return key === "CONTENT_TYPE" || key === "CONTENT_LENGTH"
    ? key
    : `HTTP_${key}`;
}

/** Percent-decoded. The gateway has refused malformed escapes. */
function decodePath(path: string): string {
  if (UNESCAPED.test(path)) return path;
  return toNative(path).replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * PEP 3333, "A Note On String Types": a character for each byte. The engine has taken the bytes for UTF-8. Counting
 * them takes half the time of a pattern that looks for one beyond ASCII.
 */
export function toNative(text: string): string {
  const isAscii = Buffer.byteLength(text) === text.length;
  return isAscii ? text : Buffer.from(text).toString("latin1");
}

/** ASCII, and no percent sign. */
// oxlint-disable-next-line no-control-regex
const UNESCAPED = /^[\x00-\x24\x26-\x7f]*$/;

/** `example.org:8000`, `[::1]:8000`. */
function hostOf({ host }: CgiRequest): [name: string, port: string] {
  const colon = host.lastIndexOf(":");
  return colon > host.lastIndexOf("]")
    ? [host.slice(0, colon), host.slice(colon + 1)]
    : [host, ""];
}
