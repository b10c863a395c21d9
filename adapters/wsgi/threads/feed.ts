/** The body of a request on its way into a thread: piece by piece, as the application reads it. */
import type { GatewayRequest } from "../../../lib/adapter.ts";

export interface Piece {
  /** Missing at the end. */
  readonly chunk?: Uint8Array;
  readonly error?: unknown;
}

export class Feed {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** As announced; unknown for a chunked body. */
  readonly #length: number;
  /** The beginning, when it is there. */
  first: Uint8Array | undefined;

  constructor(request: GatewayRequest) {
    this.#length = Number(request.headers.get("content-length"));
    this.#chunks = request.body[Symbol.asyncIterator]();
  }

  /** A request takes a thread when its body has begun: a client that sends nothing costs nothing. */
  async begin(): Promise<void> {
    const { chunk, error } = await this.next();
    if (error !== undefined) throw error;
    this.first = chunk;
  }

  /** Nothing is behind the beginning. */
  get complete(): boolean {
    return this.first === undefined || this.first.length === this.#length;
  }

  async next(): Promise<Piece> {
    try {
      const step = await this.#chunks.next();
      return step.done ? {} : { chunk: step.value };
    } catch (error) {
      return { error };
    }
  }
}
