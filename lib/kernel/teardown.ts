/** How a scope ends and how a group of tasks is halted: effection's own steps, over the kernel's lists. */
import { Err, unbox, type Effect, type Result } from "effection";
import { contexts, type Member } from "./contract.ts";
import { Deferred } from "./deferred.ts";
import { UNIT } from "./effects.ts";
import type { KernelScope } from "./scope.ts";

export type Steps = Generator<Effect<unknown>, void, unknown>;

/** Never halted by anybody, so nobody has to be in it. */
export const defaultGroup = contexts.group.defaultValue!;

/** What can be halted. */
interface Halted {
  /** Settles when it has ended. */
  readonly end: Deferred<void>;
  /** Does nothing once it has ended. */
  interrupt(): void;
  /** @throws what its cleanup threw. */
  checkHalt(): void;
}

export function* halt(task: Halted): Steps {
  task.interrupt();
  do yield task.end;
  while (!task.end.settled); // see Deferred
  task.checkHalt();
}

/** Ends what is in a scope, the latest first and one after the other. A failing one does not keep the others from it. */
export function* destroy(scope: KernelScope): Steps {
  if (scope.destruction !== undefined) {
    do yield scope.destruction;
    while (!scope.destruction.settled);
    return;
  }
  const destruction = (scope.destruction = new Deferred<void>());
  let outcome: Result<void> = UNIT;
  scope.leave();
  try {
    do {
      for (const destruct of scope.destructors?.take() ?? [])
        try {
          yield* destruct();
        } catch (error) {
          outcome = Err(error); // the last one counts
        }
      scope.release();
    } while (scope.destructors !== undefined && !scope.destructors.empty);
  } finally {
    destruction.settle(outcome);
  }
  unbox(outcome);
}

/** Halts the tasks of a group, and those that they start meanwhile. */
export function* haltAll(tasks: Set<Member>): Steps {
  let outcome: Result<void> = UNIT;
  while (tasks.size > 0) {
    const halted = [...tasks].reverse();
    tasks.clear();
    for (const task of halted)
      try {
        yield* task.halt();
      } catch (error) {
        outcome = Err(error);
      }
  }
  unbox(outcome);
}
