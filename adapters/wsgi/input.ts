/** `wsgi.input`: a body that comes in pieces, read as a file is (PEP 3333, "Input and Error Streams"). */
import type { InputStream } from "./types.ts";

const NEWLINE = 10;

/** Gives the next piece, and undefined at the end, any number of times. May block. */
type Source = () => Uint8Array | undefined;

export class Input implements InputStream {
  readonly #source: Source;
  /** What there is and was not read. */
  #piece: Uint8Array;

  constructor(first: Uint8Array, source: Source = nothing) {
    this.#piece = first;
    this.#source = source;
  }

  read(size = -1): Uint8Array {
    return this.#take(size, false);
  }

  readline(size = -1): Uint8Array {
    return this.#take(size, true);
  }

  readlines(hint = 0): Uint8Array[] {
    const lines: Uint8Array[] = [];
    let bytes = 0;
    for (const line of this) {
      lines.push(line);
      bytes += line.length;
      if (hint > 0 && bytes >= hint) break;
    }
    return lines;
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (let line = this.readline(); line.length > 0; line = this.readline())
      yield line;
  }

  /** At most `size` bytes, without a limit where that is negative; `line`: not beyond the next newline. */
  #take(size: number, line: boolean): Uint8Array {
    const taken: Uint8Array[] = [];
    let left = size < 0 ? Infinity : size;
    while (left > 0 && this.#fill()) {
      const newline = line ? this.#piece.indexOf(NEWLINE) : -1;
      const end = newline < 0 ? this.#piece.length : newline + 1;
      const length = Math.min(end, left);
      taken.push(this.#piece.subarray(0, length));
      this.#piece = this.#piece.subarray(length);
      left = newline < 0 ? left - length : 0; // what comes behind a newline is not waited for
    }
    return taken.length === 1 ? taken[0]! : Buffer.concat(taken);
  }

  /** False at the end. */
  #fill(): boolean {
    if (this.#piece.length === 0) this.#piece = this.#source() ?? EMPTY;
    return this.#piece.length > 0;
  }
}

const EMPTY = new Uint8Array(0);

function nothing(): undefined {
  return undefined;
}
