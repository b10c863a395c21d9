/** The body of a request on its way to a worker: with the request when it is small, else piece by piece. */
import type { GatewayRequest } from "../../lib/adapter.ts";
import { until, type Operation } from "eddy/operations";
import { INLINE_BYTES } from "./protocol.ts";

/** Where the pieces go. */
export interface Sink {
  /** Done when there is room for the next. */
  sendPiece(piece: Uint8Array): Operation<void>;
  /** There are no more: that was all, or why it was not. */
  endBody(problem: string | undefined): void;
}

export class Upload {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #begun: Uint8Array[] = [];
  #state: "begun" | "whole" | "waiting" | "brought" | "lost" = "begun";
  /** Why the rest does not come; the client's fault, which an application only passes on. */
  error: Error | undefined;

  constructor(request: GatewayRequest) {
    this.#chunks = request.body[Symbol.asyncIterator]();
  }

  /**
   * Reads what fits into the request's own frame: a client that is slow with a small body keeps no thread waiting.
   *
   * @throws what the body fails with: too long, too slow, the client is gone.
   */
  async begin(): Promise<void> {
    for (let length = 0; length <= INLINE_BYTES;) {
      const step = await this.#chunks.next();
      if (step.done) {
        this.#state = "whole";
        return;
      }
      this.#begun.push(step.value);
      length += step.value.length;
    }
  }

  /** `first` is all of it. */
  get whole(): boolean {
    return this.#state === "whole";
  }

  /** The application may be waiting for the client. */
  get waits(): boolean {
    return this.#state === "waiting";
  }

  /** What was read by `begin`. */
  get first(): Buffer {
    return Buffer.concat(this.#begun);
  }

  /** Brings the rest to the worker. Halted, or when the client fails, the worker is told that no more will come. */
  *bring(sink: Sink): Operation<void> {
    try {
      for (;;) {
        this.#state = "waiting";
        const step = yield* until(this.#chunks.next());
        this.#state = "begun";
        if (step.done) break;
        yield* sink.sendPiece(step.value);
      }
      this.#state = "brought";
    } catch (error) {
      this.error = error as Error;
    } finally {
      if (this.#state === "brought") sink.endBody(undefined);
      else this.#lose(sink);
    }
  }

  #lose(sink: Sink): void {
    this.#state = "lost";
    sink.endBody(this.error?.message ?? "the rest of the body is not wanted");
  }
}
