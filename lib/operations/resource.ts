/** effection's `resource` and what is made of it, on tasks of the kernel; in other scopes it is effection's own. */
import {
  Ok,
  resource as effectionResource,
  type Effect,
  type Operation,
  type Provide,
  type Scope,
} from "effection";
import { CURRENT_SCOPE, Deferred, type Steps } from "../kernel/effects.ts";
import { KernelScope } from "../kernel/scope.ts";
import { startResource } from "../kernel/start.ts";
import { suspended } from "./action.ts";
import { trap } from "./trap.ts";

type Body<T> = (provide: Provide<T>) => Operation<void>;

/** Returns the value that `body` provides. `body` runs as a task, until the current scope ends: then it is halted. */
export function resource<T>(body: Body<T>): Operation<T> {
  return { [Symbol.iterator]: () => acquire(body) }; // an own property, because effection spreads operations
}

function* acquire<T>(body: Body<T>): Steps<T> {
  const owner = (yield CURRENT_SCOPE) as Scope;
  if (!(owner instanceof KernelScope))
    return yield* new Resumed(effectionResource(body), owner);
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

/** An operation of which the first step, which asks for the scope, has been taken already. */
class Resumed<T> implements Operation<T> {
  readonly #steps: Iterator<Effect<unknown>, T, unknown>;
  #first: unknown;
  #fresh = true;

  constructor(operation: Operation<T>, first: unknown) {
    this.#steps = operation[Symbol.iterator]();
    this.#first = first;
    this.#steps.next();
  }

  [Symbol.iterator](): Iterator<Effect<unknown>, T, unknown> {
    const steps = this.#steps;
    return {
      next: (value) => {
        if (!this.#fresh) return steps.next(value);
        this.#fresh = false;
        return steps.next(this.#first);
      },
      throw: (error) => steps.throw!(error),
      return: (value) => steps.return!(value),
    };
  }
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
