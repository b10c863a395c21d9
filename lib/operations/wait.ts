/** Operations that are one wait, and what follows one without a task. */
import {
  Err,
  unbox,
  type Effect,
  type Operation,
  type Result,
} from "effection";
import { exitAtOnce, UNIT, type Exit, type Steps } from "../kernel/effects.ts";
import type { Fork } from "../kernel/fork.ts";
import { notify, type Settle, type Settled } from "../kernel/settled.ts";

export type Resolve<T> = (result: Result<T>) => void;

/** It does not look at the task that is in it. */
export abstract class Wait<T> implements Operation<T>, Effect<T> {
  abstract readonly description: string;
  abstract enter(resolve: Resolve<T>): Exit;

  *[Symbol.iterator](): Steps<T> {
    const waiting = new Waiting(this);
    do yield waiting;
    while (waiting.result === undefined);
    return unbox(waiting.result);
  }
}

/** One wait. The last result counts, and a task that is woken without one waits again: so it is in effection. */
class Waiting<T> implements Effect<T> {
  result: Result<T> | undefined = undefined;
  readonly #wait: Wait<T>;

  constructor(wait: Wait<T>) {
    this.#wait = wait;
  }

  get description(): string {
    return this.#wait.description;
  }

  enter(resolve: Resolve<T>): Exit {
    return this.#wait.enter((result) => resolve((this.result = result)));
  }
}

/**
 * Follows a wait that is all of an operation: nobody is in there who could ask for a task, so there is none.
 *
 * `settled` is called as `fork` calls it: once, after the wait's cleanup, also before `enter` returns.
 */
export class LoneWait implements Fork {
  readonly #wait: Wait<unknown>;
  readonly #settled: Settle;
  /** Undefined while the wait is entered. */
  #exit: Exit | undefined = undefined;
  #state: Settled | undefined = undefined;
  #result: Result<unknown> = UNIT;

  constructor(wait: Wait<unknown>, settled: Settle) {
    this.#wait = wait;
    this.#settled = settled;
  }

  get waitsFor(): string {
    return this.#wait.description;
  }

  enter(): this {
    try {
      this.#exit = this.#wait.enter((result) =>
        this.#end(result.ok ? "value" : "error", result),
      );
    } catch (error) {
      this.#exit = exitAtOnce;
      this.#state = "error";
      this.#result = Err(error);
    }
    if (this.#state !== undefined) this.#leave();
    return this;
  }

  interrupt(): void {
    this.#end("halted", UNIT);
  }

  #end(state: Settled, result: Result<unknown>): void {
    if (this.#state !== undefined) return;
    this.#state = state;
    this.#result = result;
    if (this.#exit !== undefined) this.#leave();
  }

  #leave(): void {
    this.#exit!((left) =>
      left.ok
        ? notify(this.#settled, this.#state!, this.#result)
        : notify(this.#settled, "error", left),
    );
  }
}
