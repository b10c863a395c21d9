/** How a scope ends and how a group of tasks is halted: effection's own steps, over the kernel's lists. */
import { Err, unbox, type Effect, type Result, type Task } from "effection";
import { Deferred } from "./deferred.ts";
import { UNIT } from "./effects.ts";
import type { KernelScope } from "./scope.ts";

type Steps = Generator<Effect<unknown>, void, unknown>;

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
export function* haltAll(tasks: Set<Task<unknown>>): Steps {
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
