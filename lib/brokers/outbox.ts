/** What is on its way out of a process, and how much of it may be. */
import type { Chunk } from "../engine/message.ts";

/** Bytes that may wait for a broker, or for a process that does not read. */
export const MAX_OUTBOX_BYTES = 8 * 1024 * 1024;

/** Of a message between processes, about. */
export const bytesOf = (topic: string, message: Chunk): number =>
  topic.length + message.length + OVERHEAD_BYTES;

/** Of a message: what it takes to keep one that waits. */
const OVERHEAD_BYTES = 200;

export class Outbox {
  readonly #maxBytes: number;
  #bytes = 0;
  #emptied: Promise<void> | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor(maxBytes = MAX_OUTBOX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** False: there is no room. One message finds some whenever nothing waits, however long it is. */
  take(bytes: number): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  /** They are out, or lost. */
  release(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.isEmpty) return;
    this.#whenEmpty?.();
    this.#emptied = this.#whenEmpty = undefined;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Whoever can wait should: an eighth of the room is taken. */
  get isFilling(): boolean {
    return this.#bytes > this.#maxBytes / 8;
  }

  /** Resolves when nothing waits. */
  emptied(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    return (this.#emptied ??= new Promise((resolve) => {
      this.#whenEmpty = resolve;
    }));
  }
}
