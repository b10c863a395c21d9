/** The body of a reply that a thread produces: what it has sent, until the client takes it. */
import type { Chunk } from "../types.ts";

type Step = IteratorResult<Chunk, undefined>;

/** Who produces it. */
export interface Producer {
  /** The client has taken this. */
  taken(chunk: Chunk): void;
  /** Nobody wants the rest. Done when the application has cleaned up. @throws what its cleanup throws. */
  cancel(): Promise<void>;
}

export class ReplyBody implements AsyncIterableIterator<Chunk, undefined> {
  readonly #producer: Producer;
  readonly #chunks: Chunk[] = [];
  /** What is with the client. */
  #given: Chunk | undefined;
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  push(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  /** No more will come; with an error, not because all is there. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** Being asked for the next says that the client has taken the one before. */
  async next(): Promise<Step> {
    if (this.#given !== undefined) this.#producer.taken(this.#given);
    this.#given = undefined;
    while (this.#chunks.length === 0 && this.#end === undefined)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    const value = this.#chunks.shift();
    if (value !== undefined) {
      this.#given = value;
      return { done: false, value };
    }
    if (this.#end?.error !== undefined) throw this.#end.error;
    return { done: true, value };
  }

  async return(): Promise<Step> {
    await this.#producer.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
