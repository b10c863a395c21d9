/**
 * The body of a request on its way into a thread: with the request where it is short, else as the application reads
 * it.
 */
import type { GatewayRequest } from "../../../lib/adapter.ts";

export class BodyFeed {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** NaN where it is not known: of a chunked body that is not here yet. */
  readonly #length: number;
  /** Until it is given. */
  #first: IteratorResult<Uint8Array, unknown> | undefined;

  /** `length`: of a body that is all here. */
  constructor(request: GatewayRequest, length?: number) {
    const announced = request.headers.get("content-length");
    this.#length = length ?? Number(announced ?? NaN);
    this.#chunks = request.body[Symbol.asyncIterator]();
  }

  /** Done when the body has begun. Only then is a thread taken: a client that sends nothing never keeps one. */
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
