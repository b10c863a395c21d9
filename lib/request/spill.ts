/**
 * A queue of bytes in a temporary file, for what comes of a request body after the client was asked to pause.
 *
 * uWebSockets.js goes on reading a socket while its 512 KiB reads come back full: from a fast client tens of megabytes
 * arrive after `pause()`, and hundreds where it is as fast as the kernel. They go to the disk, so that a slow
 * application bounds memory, not correctness. Until they are there they wait in memory, for all bodies together within
 * a bound; what is beyond it is written at once, while nobody else is served.
 */
import {
  close,
  mkdtempSync,
  openSync,
  read,
  rmSync,
  write,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";

/** Bytes that may wait for the disk. */
const MOST_WAITING = 64 * 1024 * 1024;

/** Bytes of one body that may wait for the disk where it can come slower. */
const BEHIND_AT = 1024 * 1024;

/** Bytes read back at a time. */
const READ = 256 * 1024;

/** Bytes of a buffer that small chunks share. */
const SHARED = 64 * 1024;

/** Milliseconds between two chunks, within which they belong to one go of the engine. */
const SAME_GO_MS = 20;

/** What all spills have in common. */
export class SpillBudget {
  /** Bytes that wait for the disk. */
  waiting = 0;
  readonly most: number;
  #last = -Infinity;
  #busyMs = 0;

  constructor(most = MOST_WAITING) {
    this.most = most;
  }

  /** Something came that had to be kept. */
  note(): void {
    const now = performance.now();
    if (now - this.#last < SAME_GO_MS) this.#busyMs += now - this.#last;
    this.#last = now;
  }

  /** How long keeping it, and the engine's reading meanwhile, has had the loop to itself since this was last asked. */
  takeBusyMs(): number {
    const ms = this.#busyMs;
    this.#busyMs = 0;
    return ms;
  }
}

/** Bytes from `at` to `end`. Without a buffer they are in the file. */
interface Piece {
  at: number;
  end: number;
  buffer: Uint8Array | undefined;
}

const readAt = promisify(read);

export class Spill {
  readonly #budget: SpillBudget;
  readonly #onError: (error: Error) => void;
  readonly #onWritten: () => void;
  /** Of its bytes, those that wait for the disk, with the rest of their buffers. */
  #waiting = 0;
  readonly #file = openUnnamed();
  /** In order, without a gap; none that is in the file follows another one. */
  #pieces: Piece[] = [];
  /** Being written. */
  #current: Piece | undefined;
  #end = 0;
  /** Calls for the file that are under way. */
  #calls = 0;
  #closed = false;

  /**
   * `onError`: called when the disk does not take what was pushed.
   *
   * @param onWritten called when less waits for the disk than before.
   */
  constructor(
    budget: SpillBudget,
    onError: (error: Error) => void,
    onWritten: () => void = () => {},
  ) {
    this.#budget = budget;
    this.#onError = onError;
    this.#onWritten = onWritten;
  }

  /** Whoever pushes should wait for `onWritten` before more comes, if he can. */
  get isBehind(): boolean {
    return this.#waiting >= BEHIND_AT;
  }

  #note(bytes: number): void {
    this.#waiting += bytes;
    this.#budget.waiting += bytes;
  }

  get empty(): boolean {
    return this.#pieces.length === 0;
  }

  /**
   * @param given it is nobody else's any more: then it is not copied, if it is long.
   * @throws the system's error, when there is no room.
   */
  push(chunk: Uint8Array, given = false): void {
    if (chunk.length === 0) return;
    this.#budget.note();
    if (!this.#joins(chunk)) this.#add(chunk, given);
    this.#end += chunk.length;
    this.#write();
    this.#budget.note();
  }

  /** Small ones share a buffer. */
  #joins(chunk: Uint8Array): boolean {
    const last = this.#pieces.at(-1);
    if (last?.buffer === undefined || last === this.#current) return false;
    const length = last.end - last.at;
    if (length + chunk.length > last.buffer.length) return false;
    last.buffer.set(chunk, length);
    last.end += chunk.length;
    return true;
  }

  #add(chunk: Uint8Array, given: boolean): void {
    const size = Math.max(SHARED, chunk.length);
    const piece: Piece = {
      at: this.#end,
      end: this.#end + chunk.length,
      buffer: undefined,
    };
    if (this.#budget.waiting + size > this.#budget.most) {
      for (let done = 0; done < chunk.length;)
        done += writeSync(
          this.#file,
          chunk,
          done,
          chunk.length - done,
          this.#end + done,
        );
    } else {
      piece.buffer =
        given && chunk.length === size ? chunk : copyOf(chunk, size);
      this.#note(size);
    }
    this.#pieces.push(piece);
    this.#merge(this.#pieces.length - 2);
  }

  /** The oldest bytes, at most 512 KiB, for the caller to keep; undefined when there are none. One call at a time. */
  async shift(): Promise<Uint8Array | undefined> {
    const piece = this.#pieces[0];
    if (piece === undefined) return undefined;
    const { at, end, buffer } = piece;
    if (buffer === undefined) return await this.#readBack(piece);
    this.#pieces.shift();
    this.#note(-buffer.length);
    const bytes = buffer.subarray(0, end - at);
    return piece === this.#current ? Buffer.from(bytes) : bytes; // being written: whoever gets it may transfer it
  }

  async #readBack(piece: Piece): Promise<Uint8Array> {
    const { at, end } = piece;
    const buffer = Buffer.allocUnsafeSlow(Math.min(READ, end - at));
    this.#calls++;
    try {
      const { bytesRead } = await readAt(
        this.#file,
        buffer,
        0,
        buffer.length,
        at,
      );
      piece.at += bytesRead;
      if (piece.at === piece.end && this.#pieces[0] === piece)
        this.#pieces.shift();
      return buffer.subarray(0, bytesRead);
    } finally {
      this.#called();
    }
  }

  /** The oldest piece that is not in the file, away from the loop; then the next one. */
  #write(): void {
    if (this.#current !== undefined || this.#closed) return;
    const piece = this.#pieces.find(({ buffer }) => buffer !== undefined); // the first or the second one
    if (piece?.buffer === undefined) return;
    this.#current = piece;
    this.#calls++;
    this.#writeRest(piece, piece.buffer, 0);
  }

  #writeRest(piece: Piece, buffer: Uint8Array, done: number): void {
    const { at, end } = piece;
    const left = end - at - done;
    write(this.#file, buffer, done, left, at + done, (error, written) => {
      if (error === null && written < left && !this.#closed)
        return this.#writeRest(piece, buffer, done + written);
      this.#current = undefined;
      this.#called();
      if (this.#closed) return;
      if (error !== null) return this.#onError(error);
      this.#isWritten(piece, buffer);
      this.#write();
      this.#onWritten();
    });
  }

  #isWritten(piece: Piece, buffer: Uint8Array): void {
    const index = this.#pieces.indexOf(piece);
    if (index === -1) return; // taken meanwhile
    piece.buffer = undefined;
    this.#note(-buffer.length);
    this.#merge(index);
    this.#merge(index - 1);
  }

  /** The piece at `index` and the one behind it, where both are in the file. */
  #merge(index: number): void {
    const [first, second] = [this.#pieces[index], this.#pieces[index + 1]];
    if (first === undefined || second === undefined) return;
    if (first.buffer !== undefined || second.buffer !== undefined) return;
    first.end = second.end;
    this.#pieces.splice(index + 1, 1);
  }

  #called(): void {
    this.#calls--;
    if (this.#closed && this.#calls === 0) this.#closeFile();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { buffer } of this.#pieces)
      if (buffer !== undefined) this.#note(-buffer.length);
    this.#pieces = [];
    if (this.#calls === 0) this.#closeFile();
  }

  /**
   * Away from the loop, as a long file takes its time. It has no name, so that nothing could be done about an error.
   */
  #closeFile(): void {
    close(this.#file, () => {});
  }
}

function copyOf(chunk: Uint8Array, size: number): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(size);
  copy.set(chunk);
  return copy;
}

/** The name is gone before the first byte is written: nothing is left behind, whatever ends the process. */
function openUnnamed(): number {
  const folder = mkdtempSync(join(tmpdir(), "eddy-body-"));
  try {
    return openSync(join(folder, "spill"), "wx+", 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
