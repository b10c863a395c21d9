/** `wsgi.input` over a body that is there already. */
import type { InputStream } from "./types.ts";

const NEWLINE = 10;

export class BytesInput implements InputStream {
  readonly #body: Uint8Array;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  read(size = -1): Uint8Array {
    return this.#take(size < 0 ? this.#body.length : this.#at + size);
  }

  readline(size = -1): Uint8Array {
    const newline = this.#body.indexOf(NEWLINE, this.#at);
    const end = newline < 0 ? this.#body.length : newline + 1;
    return this.#take(size < 0 ? end : Math.min(end, this.#at + size));
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

  #take(end: number): Uint8Array {
    const start = this.#at;
    this.#at = Math.min(end, this.#body.length);
    return this.#body.subarray(start, this.#at);
  }
}
