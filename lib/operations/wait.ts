/**
 * Operations that are a single wait: effection's `action` and what is made of it, and how one is followed without a
 * task. Each wait of effection's is made of ten closures; here it is two objects: the operation, and the effect of who
 * waits, which is what yields it, too.
 */
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { Ok, unbox, type Effect, type Operation, type Result } from "effection";
import { AsyncContext } from "../common/async-context.ts";
import { exitAtOnce, UNIT, type Exit } from "../kernel/effects.ts";
import type { Fork } from "../kernel/fork.ts";
import {
  failed,
  notify,
  type Settle,
  type Settled,
} from "../kernel/settled.ts";

type Resolve<T> = (result: Result<T>) => void;

/** Its `enter` does not use the routine, so it can be entered without one. */
export abstract class Wait<T, From = unknown>
  implements Operation<T>, Effect<T>
{
  /** What it waits for. */
  protected readonly from: From;

  constructor(from: From) {
    this.from = from;
  }

  abstract readonly description: string;
  abstract enter(resolve: Resolve<T>): Exit;

  [Symbol.iterator](): Iterator<Effect<unknown>, T, unknown> {
    return new Waiting(this);
  }
}

/**
 * Of one routine: the effect, and the iterator that yields it. As in effection the last result counts, and a task that
 * is resumed without one waits again.
 */
class Waiting<T> implements Effect<T>, Iterator<Effect<unknown>, T, unknown> {
  #result: Result<T> | undefined = undefined;
  readonly #wait: Wait<T>;

  constructor(wait: Wait<T>) {
    this.#wait = wait;
  }

  get description(): string {
    return this.#wait.description;
  }

  enter(resolve: Resolve<T>): Exit {
    return this.#wait.enter((result) => resolve((this.#result = result)));
  }

  next(): IteratorResult<Effect<unknown>, T> {
    return this.#result === undefined
      ? { done: false, value: this }
      : { done: true, value: unbox(this.#result) };
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value?: unknown): IteratorResult<never, T> {
    return { done: true, value: value as T };
  }
}

type Executor<T> = (
  resolve: (value: T) => void,
  reject: (error: Error) => void,
) => () => void;

class Action<T> extends Wait<T, Executor<T>> {
  readonly description: string;

  constructor(execute: Executor<T>, description: string) {
    super(execute);
    this.description = description;
  }

  enter(resolve: Resolve<T>): Exit {
    const discard = this.from(
      (value) => resolve(Ok(value)),
      (error) => resolve(failed(error)),
    );
    return (left) => {
      try {
        discard();
        left(UNIT);
      } catch (error) {
        left(failed(error));
      }
    };
  }
}

class Sleep extends Wait<void, number> {
  get description(): string {
    return `sleep(${this.from})`;
  }

  enter(resolve: Resolve<void>): Exit {
    let timer: NodeJS.Timeout;
    const wait = (duration: number): void => {
      timer =
        duration > MAX_TIMER_MS // longer than a timer can be, or for ever
          ? setTimeout(wait, MAX_TIMER_MS, duration - MAX_TIMER_MS)
          : setTimeout(resolve, duration, UNIT);
    };
    wait(this.from);
    return (left) => {
      clearTimeout(timer);
      left(UNIT);
    };
  }
}

class Until<T> extends Wait<T, PromiseLike<T>> {
  get description(): string {
    return "until";
  }

  /** A promise cannot be left. Should it settle later, the routine ignores it. */
  enter(resolve: Resolve<T>): Exit {
    this.from.then(
      (value) => resolve(Ok(value)),
      (error: unknown) => resolve(failed(error)),
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
export const suspended: Operation<void> & Effect<void> = new Suspend(undefined);

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

/** Waits for `duration` milliseconds, `Infinity` until it is halted. A halted one clears its timer. */
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

/** Who gets what a wait comes to when it is over already. */
interface Latecomers {
  late(value: unknown): void;
}

/**
 * Follows an operation that is nothing but a wait. Nothing in it could ask for its task, so there is none.
 *
 * `settled` is called as `fork` calls it: once, after the wait's cleanup, perhaps before `enter` returns.
 */
export class LoneWait implements Fork {
  readonly #asyncContext = new AsyncContext();
  readonly #wait: Wait<unknown>;
  readonly #settled: Settle;
  readonly #late: Latecomers | undefined;
  /** Undefined while the wait is entered. */
  #exit: Exit | undefined = undefined;
  #state: Settled | undefined = undefined;
  #result: Result<unknown> = UNIT;

  constructor(wait: Wait<unknown>, settled: Settle, late?: Latecomers) {
    this.#wait = wait;
    this.#settled = settled;
    this.#late = late;
  }

  get waitsFor(): string | undefined {
    return this.#state === undefined ? this.#wait.description : undefined;
  }

  enter(): this {
    try {
      this.#exit = this.#wait.enter((result) =>
        this.#end(result.ok ? "value" : "error", result),
      );
    } catch (error) {
      this.#exit = exitAtOnce;
      this.#state = "error";
      this.#result = failed(error);
    }
    if (this.#state !== undefined) this.#leave();
    return this;
  }

  interrupt(): void {
    this.#end("halted", UNIT);
  }

  #end(state: Settled, result: Result<unknown>): void {
    if (this.#state !== undefined) {
      if (result.ok && state === "value") this.#late?.late(result.value);
      return;
    }
    this.#state = state;
    this.#result = result;
    if (this.#exit !== undefined)
      this.#asyncContext.runInAsyncScope(() => this.#leave());
  }

  #leave(): void {
    this.#exit!((left) =>
      left.ok
        ? notify(this.#settled, this.#state!, this.#result)
        : notify(this.#settled, "error", left),
    );
  }
}
