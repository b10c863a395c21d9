/** A file, or some of it, as the body of a reply: read as the client takes it. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Stats } from "node:fs";

/** Bytes of a piece: half as many cost a fifth more CPU, and each reply under way has one in memory. */
const PIECE_BYTES = 128 * 1024;

/** From a byte up to another one, which is not in it any more. */
export type ByteRange = readonly [from: number, to: number];

/**
 * Not a device or a pipe in the file's place, at which `open` would wait; and no link, as whoever opens it has followed
 * those and seen where they lead.
 */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** A file that is open to be read. Whoever opens it closes it, or makes {@link FilePieces} of it, which do. */
export class OpenFile {
  readonly path: string;
  /** As it was when it was opened. */
  readonly stats: Stats;
  readonly #fd: number;
  #isOpen = true;

  /** `path` leads to the file without a link at its end. @throws what the system says is in the way. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, FLAGS);
    this.stats = fstatSync(this.#fd);
  }

  /**
   * Fills `into` from the byte `at` on.
   *
   * @throws {Error} when the file has become shorter.
   */
  read(into: Uint8Array, at: number): void {
    for (let filled = 0; filled < into.length;) {
      const left = into.length - filled;
      const count = readSync(this.#fd, into, filled, left, at + filled);
      if (count === 0) throw this.#changed();
      filled += count;
    }
  }

  /** @throws {Error} when it is not as it was when it was opened. */
  checkUnchanged(): void {
    const { size, mtimeMs } = fstatSync(this.#fd);
    if (size !== this.stats.size || mtimeMs !== this.stats.mtimeMs)
      throw this.#changed();
  }

  /** Once more does nothing. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
  }

  #changed(): Error {
    return new Error(`${this.path} has changed while it was being sent`);
  }
}

/**
 * Ranges of a file, and text before and behind them, as a streamed body. It is read from the system's cache of files
 * within the call that asks for a piece, which is several times cheaper than a turn of Node's threads; and into the
 * same memory each time, since the next piece is asked for when the system has the one before. So the memory of a large
 * piece may not be kept.
 *
 * The file is closed with the last piece, or when nobody wants the rest.
 *
 * @throws {Error} in place of the last piece when the file has changed meanwhile: the reply is cut, so that nobody
 * takes a mixture for the file.
 */
export class FilePieces implements IterableIterator<string | Uint8Array> {
  readonly #file: OpenFile;
  readonly #parts: readonly (string | ByteRange)[];
  /** Which part is next, and where in it. */
  #part = 0;
  #at = 0;
  #left: number;
  #memory: Buffer | undefined;

  constructor(file: OpenFile, parts: readonly (string | ByteRange)[]) {
    this.#file = file;
    this.#parts = parts;
    this.#left = parts.reduce((sum, part) => sum + lengthOf(part), 0);
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<string | Uint8Array, undefined> {
    const part = this.#parts[this.#part];
    if (part === undefined) return this.return();
    if (typeof part === "string") {
      this.#part++;
      return { done: false, value: part };
    }
    try {
      return { done: false, value: this.#read(part) };
    } catch (error) {
      this.return();
      throw error;
    }
  }

  return(): IteratorReturnResult<undefined> {
    this.#part = this.#parts.length;
    this.#file.close();
    return { done: true, value: undefined };
  }

  #read([from, to]: ByteRange): Uint8Array {
    const at = Math.max(from, this.#at);
    const size = Math.min(PIECE_BYTES, to - at);
    const piece = this.#memoryOf(size);
    this.#file.read(piece, at);
    this.#left -= size;
    this.#at = at + size;
    if (this.#at === to) {
      this.#at = 0;
      this.#part++;
    }
    if (this.#left === 0) {
      this.#file.checkUnchanged();
      this.#file.close();
    }
    return piece;
  }

  /** A small piece may still wait for others when the next one is asked for, so only what is large is used again. */
  #memoryOf(size: number): Uint8Array {
    if (size < PIECE_BYTES) return Buffer.allocUnsafeSlow(size);
    return (this.#memory ??= Buffer.allocUnsafeSlow(PIECE_BYTES));
  }
}

const lengthOf = (part: string | ByteRange): number =>
  typeof part === "string" ? 0 : part[1] - part[0];
