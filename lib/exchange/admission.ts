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

/** What uWebSockets.js leaves of bytes that are not UTF-8: which they were, nobody can say any more. */
const DAMAGED = "\ufffd";

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
  const { method, path, queryString } = request;
  if (method !== "GET" && !COMMON.has(method)) checkMethod(method);
  // before what is answered without the end of the connection
  const { bodyLength } = GatewayRequest.frame(request, framing);
  if (!isPlain(path)) checkPath(path);
  if (queryString !== "" && !isPlain(queryString))
    checkCharacters("query", queryString);
  if (bodyLength !== "chunked" && bodyLength > limits.maxBodyBytes)
    throw new BodyTooLargeError(limits.maxBodyBytes);
  if (limits.maxHeaderBytes !== Infinity)
    checkHeaders(request, limits.maxHeaderBytes);
  if (live.size >= limits.maxConcurrentRequests) throw new OverloadedError();
  if (clients !== undefined)
    checkClient(request, limits.maxConnectionsPerClient, clients);
}

/**
 * RFC 9110, section 9.3.6: what follows CONNECT is no request, and no application is to hand it on; in lower case
 * neither, which Node's client makes upper case.
 */
function checkMethod(method: string): void {
  if (!TOKEN.test(method))
    throw new MalformedRequestError("the method is not a token");
  if (/^connect$/i.test(method))
    throw new MalformedRequestError(
      "CONNECT asks for a tunnel, and there is none here",
    );
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

/** Nothing in it that is asked for below. A loop, as most paths are short, and this is the hot path. */
function isPlain(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === HASH || code === PERCENT || code >= DELETE) return false;
  }
  return true;
}

function checkPath(path: string): void {
  checkCharacters("path", path);
  if (BAD_ESCAPE.test(path))
    throw new BadRequestError("the path has a malformed percent-escape");
}

function checkCharacters(what: "path" | "query", text: string): void {
  if (NOT_IN_TARGET.test(text))
    throw new MalformedRequestError(
      `the ${what} has a character that no URL has`,
    );
  if (text.includes(DAMAGED))
    throw new BadRequestError(
      `the ${what} has bytes that are not UTF-8; send them percent-encoded`,
    );
}
