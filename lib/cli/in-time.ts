/** A limit for what may never end: an application that never loads would hold up every reload. */
import {
  race,
  sleep,
  spawn,
  suspend,
  withResolvers,
  type Operation,
} from "effection";
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

/**
 * As `inTime`, for what opens resources: they stay open behind it, until the scope of the caller ends.
 *
 * @throws what `late` returns, once the time is over.
 */
export function* openInTime(
  limitMs: number,
  open: () => Operation<unknown>,
  late: () => Error,
): Operation<void> {
  const opened = withResolvers<void>();
  yield* spawn(function* () {
    try {
      yield* open();
    } catch (error) {
      return opened.reject(error as Error);
    }
    opened.resolve();
    yield* suspend();
  });
  yield* inTime(limitMs, opened.operation, late);
}
