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

/** Bytes of a piece that is made of smaller ones. */
const PIECE = 64 * 1024;

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
    const value = this.#take();
    if (value !== undefined) return { done: false, value };
    if (this.#end?.error !== undefined) throw this.#end.error;
    return { done: true, value };
  }

  /** What waits, small pieces in one: each costs the client's socket as much as a large one, and there may be ten thousands. */
  #take(): Uint8Array | undefined {
    if (this.#pieces.length === 0) return undefined;
    let [count, bytes] = [0, 0];
    for (const { length } of this.#pieces) {
      if (count > 0 && bytes + length > PIECE) break;
      count++;
      bytes += length;
    }
    const taken = this.#pieces.splice(0, count);
    this.#waiting -= bytes;
    if (this.#waiting <= WINDOW) this.#producer.resume();
    return taken.length > 1 ? Buffer.concat(taken, bytes) : taken[0];
  }

  return(): Promise<Step> {
    this.#producer.abandon();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
