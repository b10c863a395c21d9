/** What an application goes on with behind its reply: `ctx.waitUntil(promise)`. */
import { ensure, until, useScope, type Operation, type Scope } from "effection";
import type { GatewayRequest } from "../../lib/adapter.ts";

/** Each promise is a task of the application's resources, which the loop ends when its requests are done. */
export class LateWork {
  #scope: Scope | undefined;

  *open(): Operation<void> {
    this.#scope = yield* useScope();
    yield* ensure(() => void (this.#scope = undefined));
  }

  /** Never fails; what the promise fails with goes to the log. */
  add(promise: unknown, request: GatewayRequest): void {
    const { log } = request;
    const work = Promise.resolve(promise).catch((error: unknown) =>
      log.error({ err: error }, "a promise given to waitUntil() has failed"),
    );
    const waitUntil = (): Operation<void> => outlast(work); // the name of the task
    void this.#scope?.run(waitUntil);
  }
}

/** A promise cannot be halted, so whoever halts its task waits for it: a drain, until its limit. */
function* outlast(work: Promise<unknown>): Operation<void> {
  try {
    yield* until(work);
  } finally {
    yield* until(work);
  }
}
