/** The body of a reply that a thread or another process sends: what has come, until the client takes it. */
import type { Chunk } from "../../lib/adapter.ts";

type Step<C> = IteratorResult<C, undefined>;

/** Who sends it. */
export interface BodySender {
  /** The client has taken so much of it. */
  taken(chunks: number, length: number): void;
  /** Nobody wants the rest. Done when the sender has cleaned up. @throws what its cleanup throws. */
  cancel(): void | Promise<void>;
}

/** Bytes of a chunk that is made of smaller ones. */
const MERGED_BYTES = 64 * 1024;

export class PushedBody<C extends Chunk> implements AsyncIterable<C> {
  readonly #sender: BodySender;
  readonly #chunks: C[] = [];
  /** What was given out last, until the client has taken it. */
  #delivered = { chunks: 0, length: 0 };
  #waiting = 0;
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(sender: BodySender) {
    this.#sender = sender;
  }

  /** The length of what the client has not taken. */
  get waiting(): number {
    return this.#waiting;
  }

  push(chunk: C): void {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    this.#wake?.();
  }

  /** No more will come; with an error, not because all is there. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** Being asked for the next says that the client has taken the one before. */
  async next(): Promise<Step<C>> {
    const { chunks, length } = this.#delivered;
    this.#delivered = { chunks: 0, length: 0 };
    this.#waiting -= length;
    if (chunks > 0) this.#sender.taken(chunks, length);
    while (this.#chunks.length === 0 && this.#end === undefined)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    const value = this.#take();
    if (value !== undefined) return { done: false, value };
    if (this.#end?.error !== undefined) throw this.#end.error;
    return { done: true, value };
  }

  async return(): Promise<Step<C>> {
    await this.#sender.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * Joins small chunks of bytes: each write to the client's socket costs the same, and there may be thousands of
   * them.
   */
  #take(): C | undefined {
    let [chunks, length] = [0, 0];
    for (const chunk of this.#chunks) {
      const isBytes = typeof chunk !== "string";
      if (chunks > 0 && !(isBytes && length + chunk.length <= MERGED_BYTES))
        break;
      chunks++;
      length += chunk.length;
      if (!isBytes) break;
    }
    this.#delivered = { chunks, length };
    const taken = this.#chunks.splice(0, chunks);
    return chunks > 1
      ? (Buffer.concat(taken as Uint8Array[], length) as Uint8Array as C)
      : taken[0];
  }
}
