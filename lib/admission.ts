/** What is refused before any application sees it. */
import {
  BadRequestError,
  BodyTooLargeError,
  HeadersTooLargeError,
  MalformedRequestError,
  OverloadedError,
} from "./errors.ts";
import { TOKEN } from "./headers.ts";
import type { Limits } from "./options.ts";
import { GatewayRequest } from "./request.ts";
import { ENGINE_HEADER_BYTES } from "./uws.ts";

/** The methods that most requests have: a look is enough. */
const COMMON = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/** RFC 9112, section 3.2: a target has neither; the engine refuses the other control characters itself. */
const NOT_IN_TARGET = /[#\x7f]/;

/** A percent sign without two hexadecimal digits behind it (RFC 3986, section 2.1). */
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

const NEEDS_A_LOOK = /[#%\x7f]/;

/**
 * `running`: how many requests run already.
 *
 * @throws {GatewayError} with the status to answer.
 */
export function admit(
  request: GatewayRequest,
  limits: Limits,
  running: number,
): void {
  const { method, path } = request;
  if (!COMMON.has(method) && !TOKEN.test(method))
    throw new MalformedRequestError("the method is no token");
  const { bodyLength } = GatewayRequest.frame(request); // before what is answered without the end of the connection
  if (NEEDS_A_LOOK.test(path)) checkPath(path);
  if (bodyLength !== "chunked" && bodyLength > limits.maxBodyBytes)
    throw new BodyTooLargeError(limits.maxBodyBytes);
  if (limits.maxHeaderBytes < ENGINE_HEADER_BYTES)
    checkHeaders(request, limits.maxHeaderBytes);
  if (running >= limits.maxConcurrentRequests) throw new OverloadedError();
}

/** The engine keeps its own limit; this is for a lower one. */
function checkHeaders(
  { headers }: GatewayRequest,
  maxHeaderBytes: number,
): void {
  let bytes = 0;
  for (const text of headers.raw) bytes += text.length;
  if (bytes > maxHeaderBytes) throw new HeadersTooLargeError(maxHeaderBytes);
}

function checkPath(path: string): void {
  if (NOT_IN_TARGET.test(path))
    throw new MalformedRequestError("the path has a character that no URL has");
  if (BAD_ESCAPE.test(path))
    throw new BadRequestError("the path has a malformed percent-escape");
}
