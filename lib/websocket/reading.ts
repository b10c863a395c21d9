/**
 * The next message of a socket, to be waited for by `yield*` and by `await`, and all of them as a stream.
 *
 * It is the effect and the iterator that yields it, in one object without a state, so that one serves all who read a
 * socket: a message that is there costs nothing, and no turn of the loop.
 */
import type { Effect, Operation, Subscription } from "effection";
import {
  exitAtOnce,
  UNIT,
  type Exit,
  type SelfLeaving,
} from "../kernel/effects.ts";

export type Message = string | Uint8Array;

/** Is told once, and does not wait any more then. */
export type Waiter = (ready: typeof UNIT) => void;

/** Where messages wait. */
export interface Inbox {
  /** There is a message, or there will be none any more. */
  readonly ready: boolean;
  /** Undefined once there will be none any more. */
  take(): Message | undefined;
  wait(waiter: Waiter): void;
  leave(waiter: Waiter): void;
}

abstract class FromInbox<T>
  implements Operation<T>, PromiseLike<T>, Effect<void>, SelfLeaving
{
  readonly #inbox: Inbox;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  get description(): string {
    return "a message";
  }

  get isLeftWhenResolved(): true {
    return true;
  }

  /** What is read, once the inbox is ready. */
  protected abstract take(inbox: Inbox): T;

  [Symbol.iterator](): Iterator<Effect<unknown>, T, unknown> {
    return this;
  }

  next(): IteratorResult<Effect<unknown>, T> {
    return this.#inbox.ready
      ? { done: true, value: this.take(this.#inbox) }
      : { done: false, value: this };
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value?: unknown): IteratorResult<never, T> {
    return { done: true, value: value as T };
  }

  enter(resolve: Waiter): Exit {
    if (this.#inbox.ready) {
      resolve(UNIT);
      return exitAtOnce;
    }
    return this.#wait(resolve);
  }

  /** Apart from `enter`, because a function that contains a closure allocates on every call. */
  #wait(resolve: Waiter): Exit {
    this.#inbox.wait(resolve);
    return (left) => {
      this.#inbox.leave(resolve);
      left(UNIT);
    };
  }

  // oxlint-disable-next-line unicorn/no-thenable -- to be awaited
  then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#await().then(onValue, onError);
  }

  async #await(): Promise<T> {
    while (!this.#inbox.ready)
      await new Promise((resolve) => this.#inbox.wait(resolve));
    return this.take(this.#inbox);
  }
}

export class Reading extends FromInbox<Message | undefined> {
  protected override take(inbox: Inbox): Message | undefined {
    return inbox.take();
  }
}

class Step extends FromInbox<IteratorResult<Message, void>> {
  protected override take(inbox: Inbox): IteratorResult<Message, void> {
    const value = inbox.take();
    return value === undefined
      ? { done: true, value: undefined }
      : { done: false, value };
  }
}

/** All messages. */
export class Messages implements Subscription<Message, void> {
  readonly #step: Step;

  constructor(inbox: Inbox) {
    this.#step = new Step(inbox);
  }

  next(): Operation<IteratorResult<Message, void>> {
    return this.#step;
  }
}
