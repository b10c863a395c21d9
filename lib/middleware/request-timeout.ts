/** A time limit for some requests. */
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { UsageError } from "../common/errors.ts";
import { LIMIT_TIME } from "../request/request.ts";
import type { Middleware } from "./compose.ts";

/**
 * Halts what takes longer than `ms` milliseconds from its beginning, where nothing has set less: operations stop,
 * `request.signal` fires, `request.deadline` says when. The client gets 503, or a cut connection when the head is out.
 *
 * The option `requestTimeoutMs` of a loop, a mount or a route does the same; this is for prefixes below a mount.
 *
 * @throws {UsageError} for what is no number of milliseconds.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { requestTimeout } from "eddy/middleware";
 * import { sleep } from "eddy/operations";
 *
 * function* slow() {
 *   yield* sleep(60_000);
 *   return "never seen";
 * }
 *
 * await new Loop().use("/api", requestTimeout(5000)).get("/api/slow", slow).listen(8000);
 * ```
 */
export function requestTimeout(ms: number): Middleware {
  if (!(ms > 0 && ms <= MAX_TIMER_MS))
    throw new UsageError(
      `requestTimeout() takes milliseconds, above 0 and up to ${MAX_TIMER_MS}, not ${String(ms)}`,
    );
  return (request, next) => {
    request[LIMIT_TIME](ms);
    return next();
  };
}
