/** Something that ends once, and who waits for it. */
import type { Effect, Result } from "effection";
import { exitAtOnce, UNIT, type Exit } from "./effects.ts";

type Waiter<T> = (result: Result<T>) => void;

/**
 * What effection's `withResolvers` is, tick for tick. That makes a dozen closures for each and some more for whoever
 * waits; this is one object, and the effect to wait for it: `yield deferred` gives the value or throws the error.
 */
export class Deferred<T> implements Effect<T> {
  #result: Result<T> | undefined;
  /** Nearly always there is one; a Set takes 200 bytes. */
  #first: Waiter<T> | undefined = undefined;
  #others: Set<Waiter<T>> | undefined = undefined;

  constructor(result?: Result<T>) {
    this.#result = result;
  }

  get description(): string {
    return "do <await>";
  }

  /** The first result counts. */
  settle(result: Result<T>): void {
    this.#result ??= result;
    const first = this.#first;
    const others = this.#others;
    this.#first = this.#others = undefined;
    first?.(this.#result);
    if (others !== undefined) for (const resume of others) resume(this.#result);
  }

  get settled(): boolean {
    return this.#result !== undefined;
  }

  enter(resume: Waiter<T>): Exit {
    if (this.#result !== undefined) {
      resume(this.#result);
      return exitAtOnce;
    }
    return this.#wait(resume);
  }

  #wait(resume: Waiter<T>): Exit {
    if (this.#first === undefined && this.#others === undefined)
      this.#first = resume;
    else (this.#others ??= new Set()).add(resume);
    return (left) => {
      if (this.#first === resume) this.#first = undefined;
      else this.#others?.delete(resume);
      left(UNIT);
    };
  }
}

/** For all that has ended without a fuss. */
export const ENDED = new Deferred<void>(UNIT);
