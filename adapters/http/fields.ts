/** What a server behind the loop is told: the fields of the client's request, and who asks. */
import { toNative } from "../common/cgi.ts";
import { namesToDrop, whoAsks } from "../common/forwarded.ts";
import {
  fieldsFor,
  type Call,
  type GatewayRequest,
} from "../../lib/adapter.ts";
import { endToEnd } from "../../lib/upstream.ts";

/** `Expect` is answered here. */
const DROPPED = ["expect", "host"];

/** The header fields: name, value, name, value, …; `host`: in place of the client's; `framing`: those of the body. */
export function fieldsOf(
  request: GatewayRequest,
  host: string | undefined,
  framing: readonly string[] = [],
  call?: Call,
): string[] {
  const raw = fieldsFor(call, request.headers.raw);
  const dropped = [...DROPPED, ...namesToDrop(raw)];
  return [
    "host",
    host ?? request.headers.get("host") ?? "",
    ...endToEnd(raw, dropped).map(toNative),
    ...framing,
    ...whoAsks(request),
    "via",
    "1.1 eddy", // RFC 9110, section 7.6.3: a gateway must
  ];
}
