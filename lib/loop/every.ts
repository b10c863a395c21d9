/** Work that is done again and again. */
import { parse as parseDuration } from "@lukeed/ms";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { UsageError } from "../common/errors.ts";
import type { Logger } from "../common/log.ts";
import { isOperation } from "../operations/is-operation.ts";
import { sleep, until, type Operation } from "../operations/restated.ts";

/** What is done: an operation, an async function or a plain one. What it returns is of no interest. */
export type Repeated = () => unknown;

/**
 * The operation of `loop.every()`, with a name for `loop.tasks()`.
 *
 * @throws {UsageError} for an interval that is none, and what cannot be done.
 */
export function repeating(
  interval: number | string,
  work: Repeated,
  log: Logger,
): () => Operation<void> {
  const ms = intervalMs(interval);
  if (typeof work !== "function")
    throw new UsageError(
      `loop.every() takes an operation or a function, not ${typeof work}`,
    );
  const shown = typeof interval === "number" ? `${interval} ms` : interval;
  return Object.defineProperty(() => every(ms, work, log), "name", {
    value: `every ${shown}: ${work.name || "anonymous"}`,
  });
}

/**
 * Does it every `ms` milliseconds, from now on. While it is being done its next time may pass, and is left out then:
 * there is never more than one at a time, and none is made up for. One that fails is logged, and the next is done all
 * the same.
 */
function* every(ms: number, work: Repeated, log: Logger): Operation<never> {
  for (let due = performance.now() + ms; ;) {
    yield* sleep(Math.max(0, due - performance.now()));
    try {
      yield* once(work);
    } catch (error) {
      log.error(
        { err: error },
        `${work.name || "what is done"} every ${ms} ms failed; it is done again at its next time`,
      );
    }
    due += ms * Math.max(1, Math.ceil((performance.now() - due) / ms));
  }
}

function* once(work: Repeated): Operation<void> {
  const result = work();
  if (typeof result !== "object" || result === null) return;
  if ("then" in result) yield* until(result as PromiseLike<unknown>);
  else if (isOperation(result)) yield* result;
}

/**
 * Of a number, or of text with a unit.
 *
 * @throws {UsageError} for what is neither, or is no time that can be waited for.
 */
export function intervalMs(interval: number | string): number {
  const ms =
    typeof interval === "string" && /[a-z]$/i.test(interval)
      ? parseDuration(interval)
      : interval;
  if (typeof ms === "number" && ms >= 1 && ms <= MAX_TIMER_MS) return ms;
  throw new UsageError(
    `loop.every() takes milliseconds, or a duration such as "30s" or "5m", up to 24 days, not ${JSON.stringify(interval)}`,
  );
}
