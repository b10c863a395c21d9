/** How a task ended, and who is told of it. */
import { unbox, type Result } from "effection";

export type Settled = "value" | "error" | "halted";

/** Told of the end of a task, after its cleanup. */
export type Settle = (state: Settled, value: unknown) => void;

export function tell(
  settled: Settle,
  state: Settled,
  result: Result<unknown>,
): void {
  const value = result.ok ? result.value : thrown(result);
  try {
    settled(state, state === "halted" ? undefined : value);
  } catch (error) {
    queueMicrotask(() => {
      throw error; // a bug; here it would end what happens to wait in the queue
    });
  }
}

/** What was thrown: effection wraps what is no Error. */
export function thrown(result: Result<unknown>): unknown {
  try {
    return unbox(result);
  } catch (error) {
    return error;
  }
}
