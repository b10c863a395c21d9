/**
 * The gateway's view of a worker's shared memory: a file that the worker maps, and that is read and written here. That
 * takes a system call, so it is done only when something is wrong: a worker is dead or slow, or a client is gone.
 */
import * as fs from "node:fs";

/** Bytes for each thread, and where the words are in them: as in eddy_worker/wire.py. */
const STRIDE = 64 * 1024;
const WORD = { begun: 0, aborted: 4, withdrawn: 8, heldFirst: 16 } as const;
const HELD_AT = 64;

export class SharedState {
  readonly #file: number;

  constructor(path: string, threads: number) {
    this.#file = fs.openSync(path, "wx+", 0o600);
    fs.ftruncateSync(this.#file, STRIDE * threads);
  }

  /** Number of the request that the thread has begun last. */
  begun(slot: number): number {
    return this.#read(slot, WORD.begun, 4).readUInt32LE();
  }

  /** Tells that the client of this request is gone. */
  abort(slot: number, number: number): void {
    this.#write(slot, WORD.aborted, [number]);
  }

  /** Withdraws these requests, but for those that the thread has begun by then. */
  withdraw(slot: number, first: number, last: number): void {
    this.#write(slot, WORD.withdrawn, [first, last]);
  }

  /**
   * Replies that are finished and were not sent yet, as frames, and the number of the request that the first of them
   * answers. Undefined when there are none, or while they change.
   */
  held(slot: number): { first: number; frames: Buffer } | undefined {
    const before = this.#read(slot, WORD.heldFirst, 8);
    const length = before.readUInt32LE(4);
    if (length === 0) return undefined;
    const frames = this.#read(slot, HELD_AT, length);
    if (!this.#read(slot, WORD.heldFirst, 8).equals(before)) return undefined;
    return { first: before.readUInt32LE(), frames };
  }

  close(): void {
    fs.closeSync(this.#file);
  }

  #read(slot: number, at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    fs.readSync(this.#file, bytes, 0, length, slot * STRIDE + at);
    return bytes;
  }

  #write(slot: number, at: number, words: number[]): void {
    const bytes = Uint32Array.from(words);
    fs.writeSync(this.#file, bytes, 0, null, slot * STRIDE + at);
  }
}
