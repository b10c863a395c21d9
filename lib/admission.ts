/** What is refused before any application sees it. */
import { BadRequestError, BodyTooLargeError } from "./errors.ts";
import type { GatewayRequest } from "./request.ts";
import type { HttpRequest } from "./uws.ts";

/** A percent sign without two hexadecimal digits behind it (RFC 3986, section 2.1). */
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/** @throws {GatewayError} with the status to answer. */
export function admit(
  { path }: GatewayRequest,
  { maxBodyBytes }: { maxBodyBytes: number },
  req: HttpRequest,
): void {
  if (path.includes("%") && BAD_ESCAPE.test(path))
    throw new BadRequestError("the path has a malformed percent-escape");
  const length = req.getHeader("content-length");
  if (length !== "" && Number(length) > maxBodyBytes)
    throw new BodyTooLargeError(maxBodyBytes);
}
