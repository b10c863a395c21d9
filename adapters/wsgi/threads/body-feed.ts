/** The body of a request on its way into a thread: its beginning with the request, the rest as the application reads it. */
import type { GatewayRequest } from "../../../lib/adapter.ts";
import type { BodyStart } from "./shared-queue.ts";

export interface BodyPiece {
  /** Missing at the end. */
  readonly chunk?: Uint8Array;
  readonly error?: unknown;
}

const EMPTY = new Uint8Array(0);

export class BodyFeed {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** As announced; unknown for a chunked body. */
  readonly #length: number;
  /** The beginning, once it is there and until it is given. */
  #first: BodyPiece | undefined;

  constructor(request: GatewayRequest) {
    this.#length = Number(request.headers.get("content-length"));
    this.#chunks = request.body[Symbol.asyncIterator]();
  }

  /** A request takes a thread when its body has begun: a client that sends nothing costs nothing. */
  async begin(): Promise<void> {
    const first = await this.next();
    if (first.error !== undefined) throw first.error;
    this.#first = first;
  }

  /** The beginning, if it has at most so many bytes. */
  start(maxBytes: number): BodyStart {
    const { chunk } = this.#first!;
    if (chunk === undefined) return { bytes: EMPTY, complete: true };
    if (chunk.length > maxBytes) return { bytes: EMPTY, complete: false };
    this.#first = undefined;
    return { bytes: chunk, complete: chunk.length === this.#length };
  }

  /** What was not given yet. */
  async next(): Promise<BodyPiece> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return first;
    try {
      const step = await this.#chunks.next();
      return step.done ? {} : { chunk: step.value };
    } catch (error) {
      return { error };
    }
  }
}
