/**
 * The seam between the gateway and what runs operations: the kernel, or effection's own tasks where the installed
 * effection is not the one that the kernel was made for.
 */
import {
  createScope,
  global,
  scoped,
  type Operation,
  type Scope,
} from "effection";
import { api } from "effection/experimental";
import { contexts, probe } from "./contract.ts";
import { Kernel, KernelScope } from "./scope.ts";
import type { Settle, Settled } from "./settled.ts";
import { startOperation, startTask, type ForkOwner } from "./start.ts";

export type { ForkOwner } from "./start.ts";
export type { Settle, Settled } from "./settled.ts";

/** One running operation. */
export interface Fork {
  /** Halts it: its cleanup runs, then `settled` is called. Does nothing once it has ended. */
  interrupt(): void;
  /** Only where there is no task to view. */
  readonly waitsFor?: string | undefined;
}

/** A scope under which tasks run, and the way to end it with all that runs in it. */
export interface Nursery {
  readonly scope: Scope;
  /** Halts the tasks in reverse order of their start; rejects when a cleanup failed. */
  readonly destroy: () => Promise<void>;
  /**
   * Ends it here and now if nothing is left in it to be halted, and says whether that was so: that of a request that
   * has started nothing, or whose tasks have all ended.
   */
  readonly tryEnd: () => boolean;
}

/** Found out when the first scope is attached. */
let problems: readonly string[] | undefined;
let warned = false;

interface NurseryOptions {
  readonly onError: (error: Error) => void;
  /** Whose contexts are seen there. @default the parent's */
  readonly contexts?: Scope | undefined;
  /**
   * What `scope.run` throws once it has ended.
   *
   * @default it throws nothing, and runs the task, which nobody will end: as in effection.
   */
  readonly ended?: () => Error;
}

/**
 * A scope of its own, under `parent` where one is given, that is an error boundary: a task that fails in it does not
 * take its siblings or its owner along, it reports to `onError`.
 */
export function attach(
  parent: Scope | undefined,
  options: NurseryOptions,
): Nursery {
  problems ??= probe();
  if (problems.length > 0) return attachStock(parent, options);
  const scope =
    parent instanceof KernelScope
      ? parent.kernel.createScope(parent)
      : new Kernel(parent ?? global, startTask).root;
  scope.boundary = { raise: options.onError, ended: options.ended };
  scope.contexts = options.contexts;
  const tryEnd = (): boolean => {
    if (!scope.idle) return false;
    scope.close();
    return true;
  };
  const destroy = (): Promise<void> =>
    tryEnd()
      ? DONE
      : endFrom(scope.parent ?? scope.kernel.outerScope, () =>
          scope.destruct(),
        );
  return { scope, destroy, tryEnd };
}

/**
 * Starts `operation` as a task of `scope`. `settled` is called exactly once, after the task's cleanup, with the value
 * or the error; an error in the cleanup of a halted task counts as `"error"`. It must not throw. An operation that
 * does not wait has settled when `fork` returns, unless it was called from within another task.
 *
 * @param owner - is told of the task before that goes on, and says whose contexts it sees.
 */
export function fork<T>(
  scope: Scope,
  operation: () => Operation<T>,
  settled: Settle,
  owner?: ForkOwner,
): Fork {
  return scope instanceof KernelScope
    ? startOperation(scope, operation, settled, owner)
    : forkStock(scope, operation, settled);
}

/** From now on what runs in `scope` sees the contexts of another one beside its own; not on effection's own tasks. */
export function seeContextsOf(scope: Scope, other: Scope): void {
  if (scope instanceof KernelScope) scope.seeContextsOf(other);
}

/** Why the kernel is not used, once a process: for whoever has a log. */
export function takeWarning(): string | undefined {
  if (problems === undefined || problems.length === 0 || warned)
    return undefined;
  warned = true;
  return `tasks run on effection's own runtime, which is slower: ${problems.join("; ")}`;
}

const DONE = Promise.resolve();

/** By a task that reports to nobody else: what a cleanup throws is not the failure of the scope that it runs in. */
function endFrom(
  scope: Scope,
  destruction: () => Operation<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    fork(scope, destruction, (state, value) =>
      state === "error" ? reject(value as Error) : resolve(),
    );
  });
}

// The same on effection's own tasks. It is slower, and needs nothing of effection's private parts but one name.

export function attachStock(
  parent: Scope | undefined,
  { onError, ended }: NurseryOptions,
): Nursery {
  const scope: Scope = createScope(parent);
  scope.set(contexts.boundary, { raise: onError });
  const destruction = () => api.Scope.operations.destroy(scope);
  return {
    scope,
    tryEnd: () => false, // effection does not say what is in its scopes
    destroy: () =>
      endFrom(parent ?? global, destruction).finally(() => {
        if (ended !== undefined) shut(scope, ended);
      }),
  };
}

function shut(scope: Scope, ended: () => Error): void {
  const refuse = (): never => {
    throw ended();
  };
  Object.assign(scope, { run: refuse, spawn: refuse });
}

function forkStock<T>(
  scope: Scope,
  operation: () => Operation<T>,
  settled: Settle,
): Fork {
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
