/** What is refused before any application sees it. */
import { BadRequestError, BodyTooLargeError } from "./errors.ts";
import { GatewayRequest } from "./request.ts";

/** A percent sign without two hexadecimal digits behind it (RFC 3986, section 2.1). */
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/** @throws {GatewayError} with the status to answer. */
export function admit(
  request: GatewayRequest,
  { maxBodyBytes }: { maxBodyBytes: number },
): void {
  const { path } = request;
  if (path.includes("%") && BAD_ESCAPE.test(path))
    throw new BadRequestError("the path has a malformed percent-escape");
  const length = GatewayRequest.announced(request);
  if (length !== "" && Number(length) > maxBodyBytes)
    throw new BodyTooLargeError(maxBodyBytes);
}
