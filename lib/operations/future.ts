/** What effection calls a Future: a value to come, for `await` and for `yield*` alike. */
import type { Future, Operation } from "effection";
import { until } from "./restated.ts";

/**
 * Makes `promise` an effection Future, in place. `operation` is what `yield*` runs where that is to do more than wait.
 *
 * Its failure never counts as an unhandled rejection: whoever ends early (a halted task, an aborted exchange) no longer
 * waits for it, and that is how it should be. Whoever waits gets it.
 */
export function future<T>(
  promise: Promise<T>,
  operation: Operation<T> = until(promise),
): Future<T> {
  promise.catch(() => {});
  return Object.defineProperties(promise, {
    [Symbol.iterator]: {
      value: () => operation[Symbol.iterator](),
      configurable: true,
    },
    [Symbol.toStringTag]: { value: "Future", configurable: true },
  }) as Future<T>;
}
