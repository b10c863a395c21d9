/**
 * The body of a request on its way into a thread: with the request where it is short, else as the application reads
 * it.
 */
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

  /** Done when the body has begun. Only then is a thread taken, so that a client that sends nothing keeps none. */
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
