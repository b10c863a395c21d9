/** What effection calls a Future: a value to come, that can be awaited by `await` and by `yield*`. */
import type { Effect, Future, Operation, Scope } from "effection";
import { seeContextsOf } from "../kernel/fork.ts";
import { resource, until, useScope } from "./restated.ts";

/**
 * Makes `promise` an effection Future, in place. `operation` is what `yield*` runs, where it has to do more than wait.
 *
 * Its failure never counts as an unhandled rejection: who ends early (a halted task, an aborted exchange) rightly does
 * not wait for it any more. Those who wait get it.
 */
export function future<T>(
  promise: Promise<T>,
  operation: Operation<T> = until(promise),
): Future<T> {
  promise.catch(ignore);
  return Object.defineProperties(promise, {
    [Symbol.iterator]: {
      value: () => operation[Symbol.iterator](),
      configurable: true,
    },
    [Symbol.toStringTag]: { value: "Future", configurable: true },
  }) as Future<T>;
}

/**
 * A future of something that has to be ended: an operation that `yield*`s it owns what it gives, which is ended with
 * the operation's scope; what runs in `inside` sees the contexts of that. Whoever awaits it ends that by himself.
 */
export function owned<T>(
  promise: Promise<T>,
  end: () => Operation<unknown>,
  inside: Scope,
): Future<T> {
  const provided = resource<T>(function* (provide) {
    seeContextsOf(inside, yield* useScope());
    const value = yield* until(promise);
    try {
      yield* provide(value);
    } finally {
      yield* end();
    }
  });
  return future(promise, provided);
}

/**
 * A Future from its making, for what is on the path of a request: `future()` costs a microsecond, this a tenth of it.
 * Its failure never counts as an unhandled rejection, either.
 */
export function newFuture<T>(settle: Settling<T>): Future<T> {
  const made = new MadeFuture<T>(settle);
  void made.catch(ignore);
  return made;
}

type Settling<T> = (
  resolve: (value: T | PromiseLike<T>) => void,
  reject: (reason: unknown) => void,
) => void;

class MadeFuture<T> extends Promise<T> {
  [Symbol.iterator](): Iterator<Effect<unknown>, T, unknown> {
    return until(this)[Symbol.iterator]();
  }

  override get [Symbol.toStringTag](): "Future" {
    return "Future";
  }
}

// `await` puts another promise around one whose constructor is not Promise, and `then` gives what the constructor says.
// Not by a static `Symbol.species`: V8 11 compiles those who make an object of such a class again and again, in vain.
void Object.defineProperty(MadeFuture.prototype, "constructor", {
  value: Promise,
});

const ignore = (): void => {};

/** Done already, for nothing: there is nothing to wait for. */
export const DONE: Future<void> = Object.defineProperties(Promise.resolve(), {
  [Symbol.iterator]: { value: () => ENDED },
  [Symbol.toStringTag]: { value: "Future" },
}) as Future<void>;

const ENDED: Iterator<never, void, unknown> = {
  next: () => ({ done: true, value: undefined }),
};
