/** What a server behind the loop is told: the fields of the client's request, and who asks. */
import { toNative } from "../common/cgi.ts";
import {
  fieldsFor,
  type Call,
  type GatewayRequest,
} from "../../lib/adapter.ts";
import { endToEnd } from "../../lib/upstream.ts";

/**
 * `Expect` is answered here. The others, and all that begin with `x-forwarded-`, say who asks and how: that is set
 * below, and what a client says there is not to be believed.
 */
const DROPPED = [
  "expect",
  "forwarded",
  "front-end-https",
  "host",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-host",
  "x-real-ip",
  "x-url-scheme",
];

const isForwarded = (text: string, i: number): boolean =>
  i % 2 === 0 && text.startsWith("x-forwarded-");

/** The header fields: name, value, name, value, …; `host`: in place of the client's; `framing`: those of the body. */
export function fieldsOf(
  request: GatewayRequest,
  host: string | undefined,
  framing: readonly string[] = [],
  call?: Call,
): string[] {
  const raw = fieldsFor(call, request.headers.raw);
  const dropped = [...DROPPED, ...raw.filter(isForwarded)];
  const fields = [
    "host",
    host ?? request.headers.get("host") ?? "",
    ...endToEnd(raw, dropped).map(toNative),
    ...framing,
  ];
  const { remoteAddress, scheme } = request;
  if (remoteAddress !== "") fields.push("x-forwarded-for", remoteAddress);
  fields.push("x-forwarded-proto", scheme);
  if (request.host !== "") fields.push("x-forwarded-host", request.host);
  fields.push("via", "1.1 eddy"); // RFC 9110, section 7.6.3: a gateway must
  return fields;
}
