/** How tasks are halted, and what users hold of one: a promise and an operation, made when they ask for it. */
import { unbox, type Future, type Result, type Task } from "effection";
import { contexts, type Member } from "./contract.ts";
import { UNIT, type Deferred, type Steps } from "./effects.ts";
import { failed } from "./settled.ts";

/** What can be halted. */
interface Haltable {
  /** Settles when it has ended, in whatever way. */
  readonly end: Deferred<void>;
  /** Does nothing once it has ended. */
  interrupt(): void;
  /** @throws what its cleanup threw, if it was halted. */
  checkHalt(): void;
}

/** The task behind a handle. */
interface HandledTask<T> extends Haltable {
  /** Its value, once it has ended. @throws its error, or that it was halted. */
  readonly value: T;
}

/** It is never halted, so nobody has to be in it. */
export const defaultGroup = contexts.group.defaultValue!;

export function* halt(task: Haltable): Steps {
  task.interrupt();
  do yield task.end;
  while (!task.end.settled);
  task.checkHalt();
}

/** Halts the tasks of a group, and those that they start meanwhile. */
export function* haltAll(tasks: Set<Member>): Steps {
  let outcome: Result<void> = UNIT;
  while (tasks.size > 0) {
    const halted = [...tasks].reverse();
    tasks.clear();
    for (const task of halted)
      try {
        yield* task.halt();
      } catch (error) {
        outcome = failed(error);
      }
  }
  unbox(outcome);
}

/** Its promise is made when somebody waits for it: a failing task that nobody awaits is not an unhandled rejection. */
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

// `task instanceof Promise` holds, as in effection, though no promise has been made.
Object.setPrototypeOf(LazyFuture.prototype, Promise.prototype);

export class TaskHandle<T> extends LazyFuture<T> implements Task<T> {
  readonly #task: HandledTask<T>;
  #promise: Promise<T> | undefined = undefined;

  constructor(task: HandledTask<T>) {
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
class HaltFuture extends LazyFuture<void> {
  readonly #task: Haltable;

  constructor(task: Haltable) {
    super();
    this.#task = task;
  }

  [Symbol.iterator](): Steps {
    return halt(this.#task);
  }

  async promise(): Promise<void> {
    this.#task.interrupt();
    const end = {
      // oxlint-disable-next-line no-thenable -- it is what effection awaits
      then: (...reactions: Parameters<Promise<void>["then"]>) =>
        ended(this.#task).then(...reactions),
    };
    await end; // not a promise, but something thenable, which takes one microtask more, as in effection
    this.#task.checkHalt();
  }
}

/** With one promise more than needed, so that it takes as many microtasks as effection's tasks do. */
async function ended(task: Haltable): Promise<void> {
  await new Promise<void>((resolve) => {
    task.end.enter(() => resolve());
  });
}
