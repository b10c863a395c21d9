/** A limit for what may never end: an application that never loads would hold up every reload. */
import { race, sleep, type Operation } from "effection";
import { MAX_TIMER_MS } from "../common/checked-options.ts";

/**
 * What `operation` returns.
 *
 * @param limitMs 0 and `Infinity` are unlimited.
 * @throws what `late` returns, once the time is over.
 */
export function* inTime<T>(
  limitMs: number,
  operation: Operation<T>,
  late: () => Error,
): Operation<T> {
  if (limitMs === 0 || limitMs > MAX_TIMER_MS) return yield* operation;
  const tooLate = (function* (): Operation<never> {
    yield* sleep(limitMs);
    throw late();
  })();
  return yield* race([operation, tooLate]);
}
