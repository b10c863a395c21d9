/** The header fields of a request that is handed on by HTTP. */
import { toNative } from "../common/cgi.ts";
import type { GatewayRequest } from "../../lib/adapter.ts";
import { endToEnd } from "../../lib/upstream.ts";

/** What a client may say, and only a proxy knows. `Expect` is answered here. */
const REPLACED = new Set([
  "expect",
  "forwarded",
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

const CHUNKED = ["transfer-encoding", "chunked"];

/** Node's client would send chunks, where the method can have a body. */
const NO_BODY = ["content-length", "0"];

/** name, value, name, value, …; `host`: in place of the one that the client asked for. */
export function fieldsOf(
  request: GatewayRequest,
  host: string | undefined,
): string[] {
  const asked = request.headers.get("host") ?? "";
  const fields = ["host", host ?? asked];
  const raw = endToEnd(request.headers.raw);
  for (let i = 0; i < raw.length; i += 2)
    if (!REPLACED.has(raw[i]!)) fields.push(raw[i]!, toNative(raw[i + 1]!));
  if (!request.headers.has("content-length"))
    fields.push(...(request.hasBody ? CHUNKED : NO_BODY));
  const { remoteAddress, scheme } = request;
  if (remoteAddress !== "") fields.push("x-forwarded-for", remoteAddress);
  fields.push("x-forwarded-proto", scheme);
  if (request.host !== "") fields.push("x-forwarded-host", request.host);
  fields.push("via", "1.1 eddy"); // RFC 9110, section 7.6.3: a gateway must
  return fields;
}
