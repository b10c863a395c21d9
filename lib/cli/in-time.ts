/** What would never end counts as failed: an application that does not load would hold up every reload for ever. */
import { race, sleep, type Operation } from "effection";
import { MAX_TIMER_MS } from "../common/checked-options.ts";

/** What `operation` gives, within so many milliseconds; 0 and `Infinity` are no limit. @throws what `late` makes, after that. */
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
