/** The body of a request on its way to a worker: with the request when it is small, else in pieces. */
import { until, type Operation } from "eddy/operations";
import type { GatewayRequest } from "../../lib/adapter.ts";
import { INLINE_BYTES } from "./protocol.ts";

/** Where the pieces go. */
export interface PieceSink {
  /** Done when there is room for the next piece. */
  sendPiece(piece: Uint8Array): Operation<void>;
  /** There are no more pieces: that was all of the body, or the problem says why not. */
  endBody(problem: string | undefined): void;
}

export class Upload {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #begun: Uint8Array[] = [];
  #state: "begun" | "whole" | "waiting" | "sent" | "lost" = "begun";
  /** Why the rest does not come, which is not the application's fault. */
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

  /** Sends the rest to the worker. Halted, or when the client fails, it tells the worker that no more will come. */
  *sendRest(sink: PieceSink): Operation<void> {
    try {
      for (;;) {
        this.#state = "waiting";
        const step = yield* until(this.#chunks.next());
        this.#state = "begun";
        if (step.done) break;
        yield* sink.sendPiece(step.value);
      }
      this.#state = "sent";
    } catch (error) {
      this.error = error as Error;
    } finally {
      if (this.#state === "sent") sink.endBody(undefined);
      else this.#lose(sink);
    }
  }

  #lose(sink: PieceSink): void {
    this.#state = "lost";
    sink.endBody(this.error?.message ?? "the rest of the body is not wanted");
  }
}
