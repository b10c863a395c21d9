/** Fields that errors have, too. */
import type { PlainHeaders } from "../common/fields.ts";
import { ADD_TO_ERRORS, type GatewayRequest } from "../request/request.ts";

/**
 * Fields that the reply has if it is an error's: what fails inside, takes too long or is halted is answered by the
 * gateway itself, and middleware never sees a reply. An error that has such a field by itself keeps its own.
 *
 * @throws {InvalidReplyError} for fields that a reply could not have.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { addToErrors } from "eddy/middleware";
 *
 * await new Loop()
 *   .use((request, next) => {
 *     addToErrors(request, { "x-served-by": "a" });
 *     return next().change(({ headers }) => void headers.set("x-served-by", "a"));
 *   })
 *   .listen(8000);
 * ```
 */
export function addToErrors(
  request: GatewayRequest,
  fields: PlainHeaders,
): void {
  request[ADD_TO_ERRORS](fields);
}
