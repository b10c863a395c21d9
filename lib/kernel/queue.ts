/** effection's queue, in which the kernel's routines take turns with effection's own as if they were one kind. */
import type { Effect } from "effection";
import { contexts } from "./contract.ts";

export const reducer = contexts.reducer.defaultValue!;

/** What `step()` gives to the reducer, and `perform()` gets back: the work is done by then. */
export const STEPPED: IteratorResult<Effect<unknown>> = Object.freeze({
  done: false,
  value: undefined as never,
});

/** At somebody's turn: nobody else is waiting for one. False when it cannot be told. */
export function queueIsEmpty(): boolean {
  const { queue } = reducer;
  return queue !== undefined && queue.min > queue.max;
}
