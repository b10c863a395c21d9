/** What users hold of a task: a promise and an operation, made when they ask for it. */
import type { Effect, Future, Task } from "effection";
import type { Deferred } from "./deferred.ts";

type Steps<T> = Generator<Effect<unknown>, T, unknown>;

/** The task behind a handle. */
interface Handled<T> {
  readonly end: Deferred<void>;
  readonly value: T;
  halt(): Steps<void>;
  interrupt(): void;
  checkHalt(): void;
}

/** Promises that are made when somebody waits: a failing task that nobody awaits is no unhandled rejection. */
abstract class LazyFuture<T> implements Future<T> {
  abstract promise(): Promise<T>;
  abstract [Symbol.iterator](): Steps<T>;

  get [Symbol.toStringTag](): string {
    return "Future";
  }

  // oxlint-disable-next-line no-thenable -- it is what a Future is
  then<A = T, B = never>(
    ...reactions: Parameters<Promise<T>["then"]>
  ): Promise<A | B> {
    return this.promise().then(...reactions) as Promise<A | B>;
  }

  catch<B>(reaction: (reason: unknown) => B): Promise<T | Awaited<B>> {
    return this.promise().catch(reaction) as Promise<T | Awaited<B>>;
  }

  finally(reaction: () => void): Promise<T> {
    return this.promise().finally(reaction);
  }
}

// As in effection, `task instanceof Promise`, without the cost of being one.
Object.setPrototypeOf(LazyFuture.prototype, Promise.prototype);

export class TaskHandle<T> extends LazyFuture<T> implements Task<T> {
  readonly #task: Handled<T>;
  #promise: Promise<T> | undefined = undefined;

  constructor(task: Handled<T>) {
    super();
    this.#task = task;
  }

  override get [Symbol.toStringTag](): string {
    return "Task";
  }

  /** Bound: `spawn(task.halt)`. */
  get halt(): () => Future<void> {
    return () => new HaltFuture(this.#task);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.halt();
  }

  *[Symbol.iterator](): Steps<T> {
    do yield this.#task.end;
    while (!this.#task.end.settled);
    return this.#task.value;
  }

  promise(): Promise<T> {
    return (this.#promise ??= ended(this.#task).then(() => this.#task.value));
  }
}

/** `task.halt()`: halts when somebody waits for it, in whichever way. */
class HaltFuture<T> extends LazyFuture<void> {
  readonly #task: Handled<T>;

  constructor(task: Handled<T>) {
    super();
    this.#task = task;
  }

  [Symbol.iterator](): Steps<void> {
    return this.#task.halt();
  }

  async promise(): Promise<void> {
    this.#task.interrupt();
    const end = {
      // oxlint-disable-next-line no-thenable -- it is what effection awaits
      then: (...reactions: Parameters<Promise<void>["then"]>) =>
        ended(this.#task).then(...reactions),
    };
    await end; // no promise, but something thenable: one turn more, as in effection
    this.#task.checkHalt();
  }
}

/** One promise more than it takes: as many turns of the microtask queue as effection's tasks need. */
async function ended(task: Handled<unknown>): Promise<void> {
  await new Promise<void>((resolve) => {
    task.end.enter(() => resolve());
  });
}
