/** Something that ends once, and who waits for it. */
import type { Effect, Operation, Result } from "effection";
import { exitAtOnce, UNIT, type Exit } from "./effects.ts";

type Waiter<T> = (result: Result<T>) => void;

/**
 * What effection's `withResolvers` is, tick for tick. It makes a dozen closures for each; this is one object, which is
 * also the effect by which a routine waits for it.
 */
export class Deferred<T> implements Operation<T>, Effect<T> {
  #result: Result<T> | undefined;
  #waiters: Set<Waiter<T>> | undefined;

  constructor(result?: Result<T>) {
    this.#result = result;
  }

  get description(): string {
    return "do <await>";
  }

  /** The first result counts. */
  settle(result: Result<T>): void {
    this.#result ??= result;
    const waiters = this.#waiters;
    if (waiters === undefined) return;
    this.#waiters = undefined;
    for (const resume of waiters) resume(this.#result);
  }

  enter(resume: Waiter<T>): Exit {
    if (this.#result !== undefined) {
      resume(this.#result);
      return exitAtOnce;
    }
    (this.#waiters ??= new Set()).add(resume);
    return (left) => {
      this.#waiters?.delete(resume);
      left(UNIT);
    };
  }

  /** A generator *method* is made once; one in a closure costs V8 a map of its own, 2-3 µs each time. */
  *[Symbol.iterator](): Generator<Effect<unknown>, T, unknown> {
    return (yield this) as T;
  }
}

/** For all that has ended without a fuss. */
export const ENDED = new Deferred<void>(UNIT);
