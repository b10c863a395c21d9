/** The seam of `fork.ts` on effection's own tasks. Slower; needs nothing of effection but one name. */
import {
  createScope,
  global,
  scoped,
  type Operation,
  type Scope,
} from "effection";
import { api } from "effection/experimental";
import { contexts } from "./contract.ts";
import type { Fork, Nursery } from "./fork.ts";
import type { Settle, Settled } from "./settled.ts";

export function attach(
  parent: Scope | undefined,
  onError: (error: Error) => void,
): Nursery {
  const scope = createScope(parent);
  scope.set(contexts.boundary, { raise: onError });
  return {
    scope,
    tryEnd: () => false, // effection has no look into its scopes
    // By a task that reports to nobody else: what a cleanup throws is not the parent's failure.
    destroy: () =>
      new Promise((resolve, reject) => {
        fork(
          parent ?? global,
          () => api.Scope.operations.destroy(scope),
          (state, value) =>
            state === "error" ? reject(value as Error) : resolve(),
        );
      }),
  };
}

export function fork<T>(
  scope: Scope,
  operation: () => Operation<T>,
  settled: Settle,
): Fork {
  const ending: Ending = { state: "halted", value: undefined };
  const task = scope.run(() => track(operation, ending));
  const settle = (): void => settled(ending.state, ending.value);
  task.then(settle, settle); // its own promise only says what `ending` says
  return {
    interrupt() {
      task.halt().catch(() => {}); // does nothing until somebody waits for it; `ending` has what went wrong
    },
  };
}

interface Ending {
  state: Settled;
  value: unknown;
}

/** A failure becomes a value: it goes to `settled` alone, not to the scope's boundary as well. */
function* track<T>(
  operation: () => Operation<T>,
  ending: Ending,
): Operation<void> {
  try {
    const value = yield* scoped(operation);
    Object.assign(ending, { state: "value", value });
  } catch (error) {
    Object.assign(ending, { state: "error", value: error });
  }
}
