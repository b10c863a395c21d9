/** What `fork.ts` gives, on effection's own tasks. Slower; needs nothing of effection's private parts but one name. */
import {
  createScope,
  global,
  scoped,
  type Operation,
  type Scope,
} from "effection";
import { api } from "effection/experimental";
import { contexts } from "./contract.ts";
import type { Settle, Settled } from "./settled.ts";

export function attach(
  parent: Scope | undefined,
  onError: (error: Error) => void,
) {
  const scope: Scope = createScope(parent);
  scope.set(contexts.boundary, { raise: onError });
  return {
    scope,
    tryEnd: () => false, // effection does not say what is in its scopes
    // By a task that reports to nobody else: what a cleanup throws is not the parent's failure.
    destroy: () =>
      new Promise<void>((resolve, reject) => {
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
) {
  let state: Settled = "halted";
  let value: unknown;
  /** A failure becomes a value: it goes to `settled` alone, not to the scope's boundary as well. */
  function* track(): Operation<void> {
    try {
      value = yield* scoped(operation);
      state = "value";
    } catch (error) {
      value = error;
      state = "error";
    }
  }
  const task = scope.run(track);
  const settle = (): void => settled(state, value);
  task.then(settle, settle); // its own promise does not say more
  return {
    interrupt() {
      task.halt().catch(() => {}); // it halts only when somebody waits for it; what fails is in `value`
    },
  };
}
