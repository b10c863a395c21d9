/**
 * effection's `spawn`, `race` and `all`, step for step, on generator functions that are made once: V8 is slow to make
 * one. Where effection's `race` and `all` have `yield* spawn(…)`, these ask for the scope, which is its only step,
 * and run the task there.
 */
import {
  Err,
  Ok,
  unbox,
  type Operation,
  type Scope,
  type Result,
  type Task,
  type Yielded,
} from "effection";
import type { all as allOf } from "effection";
import { CURRENT_SCOPE, Deferred, type Steps } from "../kernel/effects.ts";
import { trap } from "./trap.ts";

/** Runs an operation beside the current one, as its child: it ends with the current scope at the latest. */
export function spawn<T>(operation: () => Operation<T>): Operation<Task<T>> {
  return { [Symbol.iterator]: () => spawning(operation) };
}

function* spawning<T>(operation: () => Operation<T>): Steps<Task<T>> {
  const scope = (yield CURRENT_SCOPE) as Scope;
  return scope.run(operation);
}

/** Runs operations side by side, returns or throws what the first to end does, and halts the others. */
export function* race<T extends Operation<unknown>>(
  operations: readonly T[],
): Steps<Yielded<T>> {
  const tasks: Task<void>[] = [];
  const first = yield* trap(() => startRace(operations, tasks));
  const halts: Task<void>[] = [];
  for (const task of tasks) {
    const scope = (yield CURRENT_SCOPE) as Scope;
    halts.push(scope.run(() => task.halt()));
  }
  for (const halt of halts) yield* halt;
  return unbox(first) as Yielded<T>;
}

function* startRace(
  operations: readonly Operation<unknown>[],
  tasks: Task<void>[],
): Steps<Result<unknown>> {
  const winner = new Deferred<Result<unknown>>();
  for (const operation of operations.slice()) {
    const scope = (yield CURRENT_SCOPE) as Scope;
    tasks.push(scope.run(() => run(operation, winner)));
  }
  let result: unknown;
  do result = yield winner;
  while (!winner.settled);
  return result as Result<unknown>;
}

/** An error wins, too: it is a result like others, and the task does not fail by it. */
function* run(
  operation: Operation<unknown>,
  winner: Deferred<Result<unknown>>,
): Steps<void> {
  try {
    winner.settle(Ok(Ok(yield* operation)));
  } catch (error) {
    winner.settle(Ok(Err(error)));
  }
}

function* allSteps(
  operations: readonly Operation<unknown>[],
): Steps<unknown[]> {
  const tasks: Task<unknown>[] = [];
  try {
    return yield* trap(() => startAll(operations, tasks));
  } catch (error) {
    for (const task of tasks) yield* task.halt();
    throw error;
  }
}

function* startAll(
  operations: readonly Operation<unknown>[],
  tasks: Task<unknown>[],
): Steps<unknown[]> {
  for (const operation of operations) {
    const scope = (yield CURRENT_SCOPE) as Scope;
    tasks.push(scope.run(() => operation));
  }
  const values: unknown[] = [];
  for (const task of tasks) values.push(yield* task);
  return values;
}

/**
 * Runs operations side by side and returns their values, in the order of the operations. Throws the error of the first
 * that fails, and halts the others.
 */
export const all = allSteps as unknown as typeof allOf;
