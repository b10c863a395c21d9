/** The body of a reply that comes in pieces: what a worker has sent, until the client takes it. */

type Step = IteratorResult<Uint8Array, undefined>;

/** Where the pieces come from. */
export interface Producer {
  /** Enough is here: no more is to be sent for now. */
  pause(): void;
  resume(): void;
  /** Nobody wants the rest. */
  abandon(): void;
}

/** Bytes that wait for the client before the worker has to. Four pieces of 64 KiB. */
const WINDOW = 256 * 1024;

export class ReplyBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #producer: Producer;
  readonly #pieces: Uint8Array[] = [];
  #waiting = 0;
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    if (this.#waiting > WINDOW) this.#producer.pause();
    this.#wake?.();
  }

  /** No more will come; with an error, not because all is there. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async next(): Promise<Step> {
    while (this.#pieces.length === 0 && this.#end === undefined)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    const value = this.#pieces.shift();
    if (value !== undefined) {
      this.#waiting -= value.length;
      if (this.#waiting <= WINDOW) this.#producer.resume();
      return { done: false, value };
    }
    if (this.#end?.error !== undefined) throw this.#end.error;
    return { done: true, value };
  }

  return(): Promise<Step> {
    this.#producer.abandon();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
