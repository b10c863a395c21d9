/** Effects that several files yield, and the parts of which they are made. */
import { Ok, type Coroutine, type Effect, type Result } from "effection";

/** What a generator of effects is: each step yields one, and gets its value back. */
export type Steps<T = void> = Generator<Effect<unknown>, T, unknown>;

/** Leaves an effect that was entered. It calls back when that is done, which may be later. */
export type Exit = (left: (result: Result<void>) => void) => void;

/** The result of whatever has no value. */
export const UNIT: Result<void> = Ok();

/** The exit of an effect that has nothing to clean up. */
export const exitAtOnce: Exit = (left) => left(UNIT);

/** One whose exit is only for who leaves before it has resolved: then nothing is left to clean up. */
export interface SelfLeaving {
  readonly isLeftWhenResolved: true;
}

/** Gives the scope that `spawn` and contexts use: within `scoped()` it is not the task's own. */
export const CURRENT_SCOPE: Effect<Coroutine["scope"]> = {
  description: "useScope()",
  enter(resolve, routine) {
    resolve(Ok(routine.scope));
    return exitAtOnce;
  },
};

export const CURRENT_ROUTINE: Effect<Coroutine> = {
  description: "useCoroutine()",
  enter(resolve, routine) {
    resolve(Ok(routine));
    return exitAtOnce;
  },
};

type Waiter<T> = (result: Result<T>) => void;

/**
 * Something that ends once, and those who wait for it: effection's `withResolvers`, turn for turn, in one object
 * instead of a dozen closures. It is the effect to wait for it, too: `yield deferred` gives the value or throws the
 * error.
 *
 * A task may be resumed before it has settled, by its own unwinding. As in effection it then waits again, so the
 * `yield` stands in a loop: `do yield deferred; while (!deferred.settled);`.
 */
export class Deferred<T> implements Effect<T>, SelfLeaving {
  #result: Result<T> | undefined;
  /** There is hardly ever more than one, and a Set is large. */
  #first: Waiter<T> | undefined = undefined;
  #others: Set<Waiter<T>> | undefined = undefined;

  constructor(result?: Result<T>) {
    this.#result = result;
  }

  get description(): string {
    return "do <await>";
  }

  get isLeftWhenResolved(): true {
    return true;
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

  /** Apart from `enter`, because a function that contains a closure allocates on every call. */
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

/** Of whatever has ended without an error. */
export const ENDED = new Deferred<void>(UNIT);
