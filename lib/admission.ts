/** What is refused before any application sees it. */
import {
  BadRequestError,
  BodyTooLargeError,
  MalformedRequestError,
} from "./errors.ts";
import { TOKEN } from "./headers.ts";
import { GatewayRequest } from "./request.ts";

/** The methods that most requests have: a look is enough. */
const COMMON = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/** RFC 9112, section 3.2: a target has neither; the engine refuses the other control characters itself. */
const NOT_IN_TARGET = /[#\x7f]/;

/** A percent sign without two hexadecimal digits behind it (RFC 3986, section 2.1). */
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

const NEEDS_A_LOOK = /[#%\x7f]/;

/** @throws {GatewayError} with the status to answer. */
export function admit(
  request: GatewayRequest,
  { maxBodyBytes }: { maxBodyBytes: number },
): void {
  const { method, path } = request;
  if (!COMMON.has(method) && !TOKEN.test(method))
    throw new MalformedRequestError("the method is no token");
  if (NEEDS_A_LOOK.test(path)) checkPath(path);
  const length = GatewayRequest.measure(request);
  if (length !== "chunked" && length > maxBodyBytes)
    throw new BodyTooLargeError(maxBodyBytes);
}

function checkPath(path: string): void {
  if (NOT_IN_TARGET.test(path))
    throw new MalformedRequestError("the path has a character that no URL has");
  if (BAD_ESCAPE.test(path))
    throw new BadRequestError("the path has a malformed percent-escape");
}
