/** The header fields of a request that is handed on by HTTP. */
import { toNative } from "../common/cgi.ts";
import { HOP_BY_HOP, type GatewayRequest } from "../../lib/adapter.ts";
import { endToEnd } from "../../lib/upstream.ts";

/** `Expect` is answered here. The others are set below: what a client says there is not to be believed. */
const DROPPED = new Set([
  ...HOP_BY_HOP,
  "expect",
  "forwarded",
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

const CHUNKED = ["transfer-encoding", "chunked"];

/** Without it, Node's client would send chunks with a method that can have a body. */
const NO_BODY = ["content-length", "0"];

/** name, value, name, value, …; `host`: in place of the client's. */
export function fieldsOf(
  request: GatewayRequest,
  host: string | undefined,
): string[] {
  const fields = [
    "host",
    host ?? request.headers.get("host") ?? "",
    ...endToEnd(request.headers.raw, DROPPED).map(toNative),
  ];
  if (!request.headers.has("content-length"))
    fields.push(...(request.hasBody ? CHUNKED : NO_BODY));
  const { remoteAddress, scheme } = request;
  if (remoteAddress !== "") fields.push("x-forwarded-for", remoteAddress);
  fields.push("x-forwarded-proto", scheme);
  if (request.host !== "") fields.push("x-forwarded-host", request.host);
  fields.push("via", "1.1 eddy"); // RFC 9110, section 7.6.3: a gateway must
  return fields;
}
