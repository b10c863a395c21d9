/** What a packet of the uwsgi protocol asks for, as a request of HTTP. */
import { isIP } from "node:net";
import { FIELD_VALUE, HOP_BY_HOP, TOKEN } from "../common/fields.ts";
import { PacketError, type UwsgiPacket } from "./packet.ts";

export interface UwsgiRequest {
  readonly method: string;
  /** Path and query, as the client sent them. */
  readonly target: string;
  /** name, value, name, value, … */
  readonly headers: string[];
  /** Bytes that follow the packet. */
  readonly bodyLength: number;
  readonly scheme: "http" | "https";
  /** The client, as the front server knows it; undefined for one without an address. */
  readonly remoteAddress: string | undefined;
}

/** @throws {PacketError} for a request that HTTP could not carry. */
export function toRequest(pairs: UwsgiPacket["variables"]): UwsgiRequest {
  const variables = new Map(pairs);
  const get = (name: string): string => variables.get(name) ?? "";
  const length = get("CONTENT_LENGTH");
  const remote = get("REMOTE_ADDR");
  return {
    method: matching(TOKEN, get("REQUEST_METHOD"), "REQUEST_METHOD"),
    target: matching(TARGET, targetOf(get), "the path"),
    headers: headersOf(pairs, get),
    bodyLength: Number(matching(LENGTH, length, "CONTENT_LENGTH")),
    scheme: isSecure(get) ? "https" : "http",
    remoteAddress: isIP(remote) ? remote : undefined,
  };
}

type Get = (name: string) => string;

function matching(pattern: RegExp, value: string, what: string): string {
  if (pattern.test(value)) return value;
  throw new PacketError(`${what} is ${JSON.stringify(value.slice(0, 100))}`);
}

const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;
const LENGTH = /^\d{0,15}$/;

/** `REQUEST_URI` is as the client sent it; where it is missing, the others have it decoded. */
function targetOf(get: Get): string {
  const uri = get("REQUEST_URI");
  if (uri !== "") return uri;
  const path = get("SCRIPT_NAME") + get("PATH_INFO");
  const query = get("QUERY_STRING");
  return escapePath(path || "/") + (query === "" ? "" : `?${query}`);
}

/** Escapes what cannot stand in a path (RFC 3986, section 3.3). */
function escapePath(path: string): string {
  return path.replace(
    /[^\w\-.~!$&'()*+,;=:@/]/g,
    (char) =>
      `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** nginx sends `HTTPS`, and newer ones `REQUEST_SCHEME`; uWSGI's own routers `UWSGI_SCHEME`. */
function isSecure(get: Get): boolean {
  return (
    /^(?:on|1|true)$/i.test(get("HTTPS")) ||
    get("REQUEST_SCHEME") === "https" ||
    get("UWSGI_SCHEME") === "https"
  );
}

/** Further ones have variables of their own; `Expect` is between the client and the front server. */
const DROPPED = new Set([
  ...HOP_BY_HOP,
  "host",
  "content-type",
  "content-length",
  "expect",
]);

function headersOf(pairs: UwsgiPacket["variables"], get: Get): string[] {
  const headers = ["host", hostOf(get), "connection", "close"];
  if (get("CONTENT_TYPE") !== "")
    headers.push("content-type", get("CONTENT_TYPE"));
  if (
    get("CONTENT_LENGTH") !== "" ||
    !/^(?:GET|HEAD)$/.test(get("REQUEST_METHOD"))
  )
    headers.push("content-length", get("CONTENT_LENGTH") || "0");
  for (const [variable, value] of pairs) {
    if (!variable.startsWith("HTTP_")) continue;
    const name = variable.slice(5).toLowerCase().replaceAll("_", "-");
    if (!DROPPED.has(name)) headers.push(name, value);
  }
  headers.forEach((text, i) =>
    i % 2 === 0
      ? matching(TOKEN, text, "a header's name")
      : matching(FIELD_VALUE, text, `header ${headers[i - 1]}`),
  );
  return headers;
}

/** A client of HTTP/1.0 may leave it out. */
function hostOf(get: Get): string {
  const host = get("HTTP_HOST");
  if (host !== "") return host;
  const port = get("SERVER_PORT");
  return get("SERVER_NAME") + (port === "" ? "" : `:${port}`);
}
