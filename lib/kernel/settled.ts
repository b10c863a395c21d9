/** How a task ends, and the callback that is told of it. */
import { Err, unbox, type Result } from "effection";

export type Settled = "value" | "error" | "halted";

/** Called once at the end of a task, after its cleanup. It must not throw. */
export type Settle = (state: Settled, value: unknown) => void;

export function notify(
  settled: Settle,
  state: Settled,
  result: Result<unknown>,
): void {
  const value = result.ok ? result.value : thrown(result);
  try {
    settled(state, state === "halted" ? undefined : value);
  } catch (error) {
    queueMicrotask(() => {
      throw error; // a bug; thrown from here it would end a task that happens to wait in the queue
    });
  }
}

/** What was thrown: effection wraps what is not an Error. */
export function thrown(result: Result<unknown>): unknown {
  try {
    return unbox(result);
  } catch (error) {
    return error;
  }
}

/**
 * effection's `Err`, of anything that may be thrown: that one asks a value that is no Error for its text, which may
 * throw.
 */
export function failed(error: unknown): Result<never> {
  try {
    return Err(error);
  } catch {
    const result = Err("something was thrown that cannot be read");
    if (!result.ok) result.error.cause = error;
    return result as Result<never>;
  }
}
