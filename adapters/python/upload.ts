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
  /** `first` is all of it. */
  whole = false;
  /** The application may be waiting for the client. */
  waits = false;
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
      const { done, value } = await this.#chunks.next();
      if (done) return void (this.whole = true);
      this.#begun.push(value);
      length += value.length;
    }
  }

  /** What was read by `begin`. */
  get first(): Buffer {
    return Buffer.concat(this.#begun);
  }

  /** Sends the rest to the worker. Halted, or when the client fails, it tells the worker that no more will come. */
  *sendRest(sink: PieceSink): Operation<void> {
    let problem: string | undefined = "the rest of the body is not wanted";
    try {
      for (;;) {
        this.waits = true;
        const step = yield* until(this.#chunks.next());
        this.waits = false;
        if (step.done) break;
        yield* sink.sendPiece(step.value);
      }
      problem = undefined;
    } catch (error) {
      this.error = error as Error;
      problem = this.error.message;
    } finally {
      this.waits = false;
      sink.endBody(problem);
    }
  }
}
