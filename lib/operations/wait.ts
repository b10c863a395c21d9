/** Operations that are a single wait, and how one is followed without a task. */
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

/** Its `enter` does not use the routine, so it can be entered without one. */
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

/** Of one routine. As in effection the last result counts, and a task that is resumed without one waits again. */
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
 * Follows an operation that is nothing but a wait. Nothing in it could ask for its task, so there is none.
 *
 * `settled` is called as `fork` calls it: once, after the wait's cleanup, perhaps before `enter` returns.
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
