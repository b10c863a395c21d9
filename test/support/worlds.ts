/** Where a program can run: on effection as it is, and on the kernel, with effection's operations and with our own. */
import * as effection from "effection";
import {
  createContext,
  createScope,
  type Operation,
  type Scope,
} from "effection";
import {
  attach,
  fork,
  type Fork,
  type Nursery,
  type Settled,
} from "../../lib/kernel/fork.ts";
import { observed } from "../../lib/kernel/contract.ts";
import { reducer } from "../../lib/kernel/queue.ts";
import * as accelerated from "../../lib/operations.ts";

export type Operations = Omit<typeof effection, "default">;
type OnError = (error: Error) => void;

/** As much of a nursery as effection's own scopes have, too. */
export type Opened = Pick<Nursery, "scope" | "destroy">;

export interface World {
  readonly name: string;
  readonly operations: Operations;
  /** From now on routines take turns as they do in this world, until the function is called that it gives. */
  enter(): () => void;
  /** A scope of its own, under `parent` where one is given, whose failing tasks report to `onError`. */
  open(onError: OnError, parent?: Scope): Opened;
  fork<T>(
    scope: Scope,
    operation: () => Operation<T>,
    settled: (state: Settled, value: unknown) => void,
  ): Fork;
}

const ErrorBoundary = createContext<{ raise: OnError }>(
  "@effection/error-boundary",
);

export const stock: World = {
  name: "effection",
  operations: effection,
  /** The kernel has put its own list behind the queue, which would hide where the two differ. */
  enter() {
    const { queue } = reducer;
    reducer.queue = observed.queue!;
    return () => {
      if (reducer.queue.dequeue() !== undefined)
        throw new Error("somebody still wants a turn");
      reducer.queue = queue;
    };
  },
  open(onError, parent) {
    const scope = createScope(parent);
    scope.set(ErrorBoundary, { raise: onError });
    return { scope, destroy: async () => await scope[Symbol.asyncDispose]() };
  },
  fork(scope, operation, settled) {
    const task = scope.run(operation);
    task.then(
      (value) => settled("value", value),
      (error: unknown) => settled("error", error), // also when it was halted: effection says so by an error
    );
    return { interrupt: () => void task.halt().catch(() => {}) };
  },
};

const kernel = (name: string, operations: Operations): World => ({
  name,
  operations,
  enter: () => () => {},
  open: (onError, parent) => attach(parent, { onError }),
  fork,
});

export const kernels: World[] = [
  kernel("the kernel", effection),
  kernel("the kernel with its own operations", accelerated),
];
