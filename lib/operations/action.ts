/**
 * effection's `action` and the waits made of it. Each wait of effection's is made of ten closures; here it is one
 * object, which is the operation and the effect, and the generator that yields it.
 */
import { Err, Ok, type Effect, type Operation } from "effection";
import { exitAtOnce, UNIT, type Exit } from "../kernel/effects.ts";
import { Wait, type Resolve } from "./wait.ts";

type Executor<T> = (
  resolve: (value: T) => void,
  reject: (error: Error) => void,
) => () => void;

class Action<T> extends Wait<T> {
  readonly description: string;
  readonly #execute: Executor<T>;

  constructor(execute: Executor<T>, description: string) {
    super();
    this.#execute = execute;
    this.description = description;
  }

  enter(resolve: Resolve<T>): Exit {
    const discard = this.#execute(
      (value) => resolve(Ok(value)),
      (error) => resolve(Err(error)),
    );
    return (left) => {
      try {
        discard();
        left(UNIT);
      } catch (error) {
        left(Err(error));
      }
    };
  }
}

class Sleep extends Wait<void> {
  readonly #ms: number;

  constructor(ms: number) {
    super();
    this.#ms = ms;
  }

  get description(): string {
    return `sleep(${this.#ms})`;
  }

  enter(resolve: Resolve<void>): Exit {
    const timer = setTimeout(resolve, this.#ms, UNIT);
    return (left) => {
      clearTimeout(timer);
      left(UNIT);
    };
  }
}

class Until<T> extends Wait<T> {
  readonly #promise: PromiseLike<T>;

  constructor(promise: PromiseLike<T>) {
    super();
    this.#promise = promise;
  }

  get description(): string {
    return "until";
  }

  /** A promise cannot be left. Should it settle later, the routine ignores it. */
  enter(resolve: Resolve<T>): Exit {
    this.#promise.then(
      (value) => resolve(Ok(value)),
      (error: unknown) => resolve(Err(error)),
    );
    return exitAtOnce;
  }
}

class Suspend extends Wait<void> {
  readonly description = "suspend";

  enter(): Exit {
    return exitAtOnce;
  }
}

/** It has no state, so one serves all. */
export const suspended: Operation<void> & Effect<void> = new Suspend();

/**
 * Waits until `execute` has called its `resolve` or `reject`; returns or throws what that was called with. The
 * function that `execute` returns is run when the wait is over, halted or not.
 */
export function action<T>(
  execute: Executor<T>,
  description = "action",
): Operation<T> {
  return new Action(execute, description);
}

/** Waits for `duration` milliseconds. A halted one clears its timer. */
export function sleep(duration: number): Operation<void> {
  return new Sleep(duration);
}

/**
 * Waits for a promise: returns its value, or throws what it was rejected with. Halting does not stop what it stands
 * for.
 */
export function until<T>(promise: PromiseLike<T>): Operation<T> {
  return new Until(promise);
}

/** Waits until the task is halted. */
export function suspend(): Operation<void> {
  return suspended;
}
