/**
 * The seam between the gateway and what runs operations: the kernel, or effection's own tasks where the installed
 * effection is not the one that the kernel was made for.
 */
import { global, type Operation, type Scope } from "effection";
import { probe } from "./contract.ts";
import { Kernel, KernelScope } from "./scope.ts";
import type { Settle } from "./settled.ts";
import { startOperation, startTask } from "./start.ts";
import * as stock from "./stock.ts";

export type { Settled } from "./settled.ts";

/** One running operation. */
export interface Fork {
  /** Halts it: its cleanup runs, then `settled` is called. Does nothing once it has ended. */
  interrupt(): void;
  /** Only where there is no task to view. */
  readonly waitsFor?: string;
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

/**
 * A scope of its own, under `parent` where one is given, that is an error boundary: a task that fails in it does not
 * take its siblings or its owner along, it reports to `onError`.
 */
export function attach(
  parent: Scope | undefined,
  { onError }: { onError: (error: Error) => void },
): Nursery {
  problems ??= probe();
  if (problems.length > 0) return stock.attach(parent, onError);
  const scope =
    parent instanceof KernelScope
      ? parent.kernel.createScope(parent)
      : new Kernel(parent ?? global, startTask).root;
  scope.boundary = { raise: onError };
  return {
    scope,
    destroy: () => destroy(scope),
    tryEnd: () => tryEnd(scope),
  };
}

/**
 * Starts `operation` as a task of `scope`. `settled` is called exactly once, after the task's cleanup, with the value
 * or the error; an error in the cleanup of a halted task counts as `"error"`. It must not throw. An operation that
 * does not wait has settled when `fork` returns, unless it was called from within another task.
 */
export function fork<T>(
  scope: Scope,
  operation: () => Operation<T>,
  settled: Settle,
): Fork {
  return scope instanceof KernelScope
    ? startOperation(scope, operation, settled)
    : stock.fork(scope, operation, settled);
}

/** Why the kernel is not used, once a process: for whoever has a log. */
export function takeWarning(): string | undefined {
  if (problems === undefined || problems.length === 0 || warned)
    return undefined;
  warned = true;
  return `tasks run on effection's own runtime, which is slower: ${problems.join("; ")}`;
}

const DONE = Promise.resolve();

function tryEnd(scope: KernelScope): boolean {
  if (!scope.idle) return false;
  scope.close();
  return true;
}

/** By a task that reports to nobody else: what a cleanup throws is not the parent's failure. */
function destroy(scope: KernelScope): Promise<void> {
  if (tryEnd(scope)) return DONE;
  return new Promise((resolve, reject) => {
    fork(
      scope.parent ?? scope.kernel.outerScope,
      () => scope.destruct(),
      (state, value) =>
        state === "error" ? reject(value as Error) : resolve(),
    );
  });
}
