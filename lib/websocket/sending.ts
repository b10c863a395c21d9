/** What `send()` gives: nothing to wait for, or the client that is behind. */
import type { Operation } from "effection";
import { Err, type Result } from "effection";
import { Deferred, UNIT, type Steps } from "../kernel/effects.ts";
import type { SocketClosedError } from "../common/errors.ts";

/** `yield*` or `await` it: done when the client can take more. */
export type Sending = Operation<void> & PromiseLike<void>;

/** The client is behind. */
export class Behind implements Operation<void>, PromiseLike<void> {
  readonly #end = new Deferred<void>();
  #promise: Promise<void> | undefined;

  settle(error?: SocketClosedError): void {
    this.#end.settle(error === undefined ? UNIT : Err(error));
  }

  *[Symbol.iterator](): Steps {
    do yield this.#end;
    while (!this.#end.settled);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- to be awaited
  then<A = void, B = never>(
    onValue?: ((value: void) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#promise ??= new Promise((resolve, reject) =>
      this.#end.enter((result: Result<void>) =>
        result.ok ? resolve() : reject(result.error),
      ),
    );
    return this.#promise.then(onValue, onError);
  }
}
