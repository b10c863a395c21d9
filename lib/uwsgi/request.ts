/** What a packet of the uwsgi protocol asks for, as the head of a request. */
import { isIP } from "node:net";
import { FIELD_VALUE, HOP_BY_HOP, TOKEN } from "../common/fields.ts";
import type { Head } from "../engine/engine.ts";
import { pathAndQuery, targetText } from "../engine/path-and-query.ts";
import type { Scheme } from "../engine/entrance.ts";
import { PacketError, type UwsgiPacket } from "./packet.ts";

export interface UwsgiRequest {
  readonly head: Head;
  readonly scheme: Scheme;
  /** Bytes that follow the packet. */
  readonly bodyLength: number;
}

/** @throws {PacketError} for a request that HTTP could not carry. */
export function toRequest(all: UwsgiPacket["variables"]): UwsgiRequest {
  const variables = new Map<string, string>();
  for (let i = 0; i < all.length; i += 2) variables.set(all[i]!, all[i + 1]!);
  const get = (name: string): string => variables.get(name) ?? "";
  const method = matching(TOKEN, get("REQUEST_METHOD"), "REQUEST_METHOD");
  const length = matching(LENGTH, get("CONTENT_LENGTH"), "CONTENT_LENGTH");
  const target = targetText(matching(TARGET, targetOf(get), "the path"));
  const [path, query] = pathAndQuery(target);
  const remote = get("REMOTE_ADDR");
  return {
    head: {
      method,
      path,
      query,
      fields: fieldsOf(all, get, method),
      protocol: protocolOf(get("SERVER_PROTOCOL")),
      peer: { address: isIP(remote) ? remote : "", proxiedAddress: "" },
    },
    scheme: isSecure(get) ? "https" : "http",
    bodyLength: Number(length),
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

function fieldsOf(
  all: UwsgiPacket["variables"],
  get: Get,
  method: string,
): string[] {
  const fields: string[] = [];
  const add = (name: string, value: string): void => {
    fields.push(name, matching(FIELD_VALUE, value, `header ${name}`));
  };
  add("host", hostOf(get));
  const type = get("CONTENT_TYPE");
  if (type !== "") add("content-type", type);
  const length = get("CONTENT_LENGTH");
  if (length !== "" || (method !== "GET" && method !== "HEAD"))
    fields.push("content-length", length || "0");
  for (let i = 0; i < all.length; i += 2) {
    if (!all[i]!.startsWith("HTTP_")) continue;
    const name = all[i]!.slice(5).toLowerCase().replaceAll("_", "-");
    if (!DROPPED.has(name))
      add(matching(TOKEN, name, "a header's name"), all[i + 1]!);
  }
  return fields;
}

/** As the client spoke to the front. */
const protocolOf = (name: string): string =>
  /^HTTP\/\d(?:\.\d)?$/.test(name) ? name : "HTTP/1.1";

/** A client of HTTP/1.0 may leave it out. */
function hostOf(get: Get): string {
  const host = get("HTTP_HOST");
  if (host !== "") return host;
  const port = get("SERVER_PORT");
  return get("SERVER_NAME") + (port === "" ? "" : `:${port}`);
}
