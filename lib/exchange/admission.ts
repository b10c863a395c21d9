/** What is refused before any application sees it. */
import {
  BadRequestError,
  BodyTooLargeError,
  ClientBusyError,
  HeadersTooLargeError,
  MalformedRequestError,
  OverloadedError,
} from "../common/errors.ts";
import type { Framing } from "../request/framing.ts";
import { TOKEN } from "../common/fields.ts";
import type { Clients } from "./clients.ts";
import type { Limits } from "./limits.ts";
import { GatewayRequest } from "../request/request.ts";

/** Most requests that are no GET. */
const COMMON = new Set(["HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/** RFC 9112, section 3.2: a target has neither; the engine refuses the other control characters itself. */
const NOT_IN_TARGET = /[#\x7f]/;

/** A percent sign without two hexadecimal digits behind it (RFC 3986, section 2.1). */
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

const [HASH, PERCENT, DELETE] = [0x23, 0x25, 0x7f];

/** What admission asks about the others: how many requests run already, and where this one ends. */
interface Others {
  readonly live: { readonly size: number };
  readonly clients: Clients | undefined;
  readonly framing: Framing;
}

/** @throws {GatewayError} with the status to answer. */
export function admit(
  request: GatewayRequest,
  limits: Limits,
  { live, clients, framing }: Others,
): void {
  const { method, path } = request;
  if (method !== "GET" && !COMMON.has(method) && !TOKEN.test(method))
    throw new MalformedRequestError("the method is not a token");
  const { bodyLength } = GatewayRequest.frame(request, framing); // before what is answered without the end of the connection
  if (!isPlain(path)) checkPath(path);
  if (bodyLength !== "chunked" && bodyLength > limits.maxBodyBytes)
    throw new BodyTooLargeError(limits.maxBodyBytes);
  if (limits.maxHeaderBytes !== Infinity)
    checkHeaders(request, limits.maxHeaderBytes);
  if (live.size >= limits.maxConcurrentRequests) throw new OverloadedError();
  if (clients !== undefined)
    checkClient(request, limits.maxConnectionsPerClient, clients);
}

function checkClient(
  { remoteAddress }: GatewayRequest,
  most: number,
  clients: Clients,
): void {
  if (clients.of(remoteAddress) >= most)
    throw new ClientBusyError(remoteAddress, most);
}

/** For a limit below the engine's own. */
function checkHeaders(
  { headers }: GatewayRequest,
  maxHeaderBytes: number,
): void {
  let bytes = 0;
  for (const text of headers.raw) bytes += text.length;
  if (bytes > maxHeaderBytes) throw new HeadersTooLargeError(maxHeaderBytes);
}

/** Nothing in it that `checkPath` asks for. A loop, as most paths are short, and this is the hot path. */
function isPlain(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === HASH || code === PERCENT || code === DELETE) return false;
  }
  return true;
}

function checkPath(path: string): void {
  if (NOT_IN_TARGET.test(path))
    throw new MalformedRequestError("the path has a character that no URL has");
  if (BAD_ESCAPE.test(path))
    throw new BadRequestError("the path has a malformed percent-escape");
}
