/**
 * Replies taken ahead of their clients. An application has few threads, and a client that is slow would keep one for as
 * long as it likes: so what it does not take waits in a file, and the thread goes on.
 */
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import { Spill, SpillBudget, type Logger } from "../../lib/adapter.ts";

/**
 * Milliseconds for which the client of a reply may keep its thread waiting, and as many again for so many bytes that it
 * takes: one that takes 20 MiB a second is not slow, and its reply is spared the way through a file.
 */
const PATIENCE_MS = 50;
const PATIENCE_BYTES = 1024 * 1024;

/** Bytes of one reply in its file: those of a long document. What is longer comes at its client's pace. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

/** Bytes in all files of an application, sixteen of the longest: a temporary folder may be memory. */
const MAX_BYTES = 16 * MAX_REPLY_BYTES;

/** What the replies of one application have in common. */
export class Ahead {
  readonly budget = new SpillBudget();
  readonly #log: Logger;
  #room = MAX_BYTES;
  /** The last attempt to write has failed, and the log says so. */
  #failing = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** False: there is no room for so many bytes, by which a file has grown to `size`. */
  reserve(bytes: number, size: number): boolean {
    if (bytes > this.#room || size > MAX_REPLY_BYTES) return false;
    this.#room -= bytes;
    return true;
  }

  free(bytes: number): void {
    this.#room += bytes;
  }

  written(error?: unknown): void {
    if (error !== undefined && !this.#failing)
      this.#log.warn(
        { err: error },
        "what slow clients do not take cannot be kept in files of the temporary folder, so each keeps a thread waiting",
      );
    this.#failing = error !== undefined;
  }
}

/** What one reply is ahead of its client by, once that has proved slow. */
export class ReplyFile {
  readonly #ahead: Ahead;
  readonly #onLost: (error: Error) => void;
  readonly #onWritten: () => void;
  #spill: Spill | undefined;
  /** Bytes of the file, also those that were read: it goes when all were. */
  #size = 0;
  #patienceMs = PATIENCE_MS;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * `onLost`: called when the disk does not take what was pushed.
   *
   * @param onWritten called when it has taken some of it.
   */
  constructor(
    ahead: Ahead,
    onLost: (error: Error) => void,
    onWritten: () => void,
  ) {
    this.#ahead = ahead;
    this.#onLost = onLost;
    this.#onWritten = onWritten;
  }

  /** The thread waits for the client. True: it has for too long; otherwise `lookAgain` is called when it may have. */
  isLate(lookAgain: () => void): boolean {
    if (this.#patienceMs <= 0) return true;
    if (this.#timer !== undefined || this.#closed) return false;
    this.#since = performance.now();
    this.#timer = setTimeout(() => {
      this.goesOn();
      lookAgain();
    }, this.#patienceMs);
    return false;
  }

  /** The thread does not wait for the client. */
  goesOn(): void {
    this.#countWait();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #countWait(): void {
    if (this.#timer === undefined) return;
    const now = performance.now();
    this.#patienceMs -= now - this.#since;
    this.#since = now;
  }

  /** The client has taken so much that was not in the file. */
  taken(bytes: number): void {
    this.#countWait();
    const more = (bytes / PATIENCE_BYTES) * PATIENCE_MS;
    this.#patienceMs = Math.min(PATIENCE_MS, this.#patienceMs + more);
  }

  /** The disk has not taken enough of it yet for more. */
  get isBehind(): boolean {
    return this.#spill?.isBehind === true;
  }

  /** Takes `bytes` over. False: they cannot be kept. */
  push(bytes: Uint8Array): boolean {
    const { length } = bytes;
    if (this.#closed) return false;
    if (!this.#ahead.reserve(length, this.#size + length)) return false;
    try {
      this.#spill ??= new Spill(
        this.#ahead.budget,
        this.#onLost,
        this.#onWritten,
      );
      this.#spill.push(bytes, true);
    } catch (error) {
      this.#ahead.free(length);
      this.#ahead.written(error);
      return false;
    }
    this.#size += length;
    this.#ahead.written();
    return true;
  }

  get empty(): boolean {
    return this.#spill === undefined;
  }

  /** The oldest bytes; undefined when there are none. One call at a time. */
  async shift(): Promise<Uint8Array | undefined> {
    const spill = this.#spill;
    const bytes = await spill?.shift();
    if (spill?.empty && spill === this.#spill) this.#drop();
    return bytes;
  }

  close(): void {
    this.goesOn();
    this.#closed = true;
    this.#drop();
  }

  #drop(): void {
    this.#spill?.close();
    this.#spill = undefined;
    this.#ahead.free(this.#size);
    this.#size = 0;
  }
}
