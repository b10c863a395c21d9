/** What an application goes on with behind its reply: `ctx.waitUntil(promise)`. */
import { ensure, until, useScope, type Operation, type Scope } from "effection";
import type { GatewayRequest } from "../../lib/adapter.ts";

/** Each promise is a task of the application's resources, which the loop ends when it has drained. */
export class LateWork {
  #scope: Scope | undefined;
  readonly #running = new Set<Promise<unknown>>();

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
    this.#running.add(work);
    void work.then(() => this.#running.delete(work));
    const waitUntil = (): Operation<void> => outlast(work); // the name of the task
    void this.#scope?.run(waitUntil);
  }

  /** What they add meanwhile counts, too. */
  async untilIdle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}

/** A promise cannot be halted, so whoever halts its task waits for it, until the limit of a cleanup. */
function* outlast(work: Promise<unknown>): Operation<void> {
  try {
    yield* until(work);
  } finally {
    yield* until(work);
  }
}
