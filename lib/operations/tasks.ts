/**
 * effection's operations that start tasks: `spawn`, `race`, `all`, and `resource` with what is made of it. They are
 * restated step for step, on generator functions that are made once: V8 is slow to make one. Where effection's `race`
 * and `all` have `yield* spawn(…)`, these ask for the scope, which is its only step, and run the task there.
 */
import {
  Ok,
  resource as effectionResource,
  unbox,
  type all as allOf,
  type Coroutine,
  type Effect,
  type Operation,
  type Provide,
  type Result,
  type Scope,
  type Task,
  type Yielded,
} from "effection";
import { contexts, type ErrorBoundary } from "../kernel/contract.ts";
import {
  CURRENT_ROUTINE,
  CURRENT_SCOPE,
  Deferred,
  exitAtOnce,
  type Exit,
  type Steps,
} from "../kernel/effects.ts";
import { KernelScope } from "../kernel/scope.ts";
import { startResource } from "../kernel/start.ts";
import { suspended } from "./wait.ts";
import { failed } from "../kernel/settled.ts";

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
    winner.settle(Ok(failed(error)));
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

// Resources.

type Body<T> = (provide: Provide<T>) => Operation<void>;

/** Returns the value that `body` provides. `body` runs as a task, until the current scope ends: then it is halted. */
export function resource<T>(body: Body<T>): Operation<T> {
  return { [Symbol.iterator]: () => acquire(body) }; // an own property, because effection spreads operations
}

function* acquire<T>(body: Body<T>): Steps<T> {
  const owner = (yield CURRENT_SCOPE) as Scope;
  if (!(owner instanceof KernelScope))
    return yield* resumed(effectionResource(body), owner);
  return yield* trap(() => provideTo(owner, body));
}

function* provideTo<T>(owner: KernelScope, body: Body<T>): Steps<T> {
  const ready = new Deferred<T>();
  startResource(owner, () => body((value) => provision(ready, value)));
  let value: unknown;
  do value = yield ready;
  while (!ready.settled);
  return value as T;
}

function* provision<T>(ready: Deferred<T>, value: T): Steps<void> {
  ready.settle(Ok(value));
  for (;;) yield suspended;
}

/** An operation of which the first step, which asks for `first`, has been taken already. */
function resumed<T>(operation: Operation<T>, first: unknown): Operation<T> {
  const steps = operation[Symbol.iterator]();
  steps.next();
  let fresh = true;
  const next = (value: unknown): IteratorResult<Effect<unknown>, T> => {
    const answer = fresh ? first : value;
    fresh = false;
    return steps.next(answer);
  };
  return {
    [Symbol.iterator]: () => ({
      next,
      throw: (error) => steps.throw!(error),
      return: (value) => steps.return!(value),
    }),
  };
}

/** Runs `cleanup` when the current scope ends, in whatever way. What it throws is thrown where the scope ends. */
export function ensure(
  cleanup: () => Operation<unknown> | void,
): Operation<void> {
  return resource<void>((provide) => ensuring(cleanup, provide));
}

function* ensuring(
  cleanup: () => Operation<unknown> | void,
  provide: Provide<void>,
): Steps<void> {
  try {
    yield* provide();
  } finally {
    const result = cleanup();
    if (result && typeof result[Symbol.iterator] === "function") yield* result;
  }
}

/** Returns a signal that is aborted when the current scope ends, in whatever way. */
export function useAbortSignal(): Operation<AbortSignal> {
  return resource(aborting);
}

function* aborting(provide: Provide<AbortSignal>): Steps<void> {
  const controller = new AbortController();
  try {
    yield* provide(controller.signal);
  } finally {
    controller.abort();
  }
}

/** effection's private `trap`: errors of tasks that `operation` starts end it, and not the whole task. */
function* trap<T>(operation: () => Operation<T>): Steps<T> {
  const scope = (yield CURRENT_SCOPE) as Scope;
  const outside = scope.expect(contexts.boundary);
  const boundary = new Trap((yield CURRENT_ROUTINE) as Coroutine);
  scope.set(contexts.boundary, boundary);
  try {
    const value = yield* operation();
    boundary.outcome ??= Ok(value);
  } catch (error) {
    boundary.outcome = failed(error);
  } finally {
    scope.set(contexts.boundary, outside);
    // oxlint-disable-next-line no-unsafe-finally -- what is unwound by a child's error ends with that error
    return (yield boundary) as T;
  }
}

/** The boundary, and the effect that leaves it: with its outcome, or by unwinding further when there is none. */
class Trap implements ErrorBoundary, Effect<unknown> {
  readonly description = "exit this trap";
  readonly #routine: Coroutine;
  outcome: Result<unknown> | undefined = undefined;

  constructor(routine: Coroutine) {
    this.#routine = routine;
  }

  raise(error: Error): void {
    this.outcome = failed(error);
    this.#routine.unwind();
  }

  enter(resolve: (result: Result<unknown>) => void, routine: Coroutine): Exit {
    if (this.outcome === undefined) routine.unwind();
    else resolve(this.outcome);
    return exitAtOnce;
  }
}
