/** What effection calls a Future: a value to come, that can be awaited by `await` and by `yield*`. */
import type { Future, Operation } from "effection";
import { until } from "./restated.ts";

/**
 * Makes `promise` an effection Future, in place. `operation` is what `yield*` runs, where it has to do more than wait.
 *
 * Its failure never counts as an unhandled rejection: who ends early (a halted task, an aborted exchange) rightly does
 * not wait for it any more. Those who wait get it.
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
