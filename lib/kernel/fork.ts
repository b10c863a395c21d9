/**
 * The seam between the gateway and what runs operations. Here: effection's own tasks.
 */
import {
  createContext,
  createScope,
  scoped,
  type Operation,
  type Scope,
} from "effection";

/** How a fork ended. */
export type Settled = "value" | "error" | "halted";

/** One running operation. */
export interface Fork {
  /** Halts it: its cleanup runs, then `settled` is called. Does nothing once it has ended. */
  interrupt(): void;
}

/** A scope under which tasks run, and the way to end it with all that runs in it. */
export interface Nursery {
  readonly scope: Scope;
  /** Halts the tasks in reverse order of their start; rejects when a cleanup failed. */
  readonly destroy: () => Promise<void>;
}

/** Where a failing task reports: the nearest boundary above it. effection's own key, found by its name. */
const ErrorBoundary = createContext<{ raise(error: Error): void }>(
  "@effection/error-boundary",
);

/**
 * A scope of its own, under `parent` where one is given, that is an error boundary: a task that fails in it does not
 * take its siblings or its owner along, it reports to `onError`.
 */
export function attach(
  parent: Scope | undefined,
  { onError }: { onError: (error: Error) => void },
): Nursery {
  const scope = createScope(parent);
  scope.set(ErrorBoundary, { raise: onError });
  return { scope, destroy: async () => await scope[Symbol.asyncDispose]() };
}

/**
 * Starts `operation` as a task of `scope`. `settled` is called exactly once, after the task's cleanup, with the value or
 * the error; an error in the cleanup of a halted task counts as `"error"`. It must not throw.
 */
export function fork<T>(
  scope: Scope,
  operation: () => Operation<T>,
  settled: (state: Settled, value: unknown) => void,
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
