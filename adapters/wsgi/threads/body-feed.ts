/** The body of a request on its way into a thread: with the request when all of it is there, else as the application reads it. */
import type { GatewayRequest } from "../../../lib/adapter.ts";

export class BodyFeed {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** As announced; unknown for a chunked body. */
  readonly #length: number;
  /** Until it is given. */
  #first: IteratorResult<Uint8Array, unknown> | undefined;

  constructor(request: GatewayRequest) {
    this.#length = Number(request.headers.get("content-length"));
    this.#chunks = request.body[Symbol.asyncIterator]();
  }

  /** A request takes a thread when its body has begun: a client that sends nothing costs nothing. */
  async begin(): Promise<void> {
    this.#first = await this.#chunks.next();
  }

  /** All of it; null when it is not known to be there. */
  get whole(): Uint8Array | null {
    const { done, value } = this.#first!;
    if (done) return new Uint8Array(0);
    return value.length === this.#length ? value : null;
  }

  /** Undefined at the end. @throws what the body fails with. */
  async next(): Promise<Uint8Array | undefined> {
    const step = this.#first ?? (await this.#chunks.next());
    this.#first = undefined;
    return step.done ? undefined : step.value;
  }
}
