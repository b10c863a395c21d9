/** Bytes that wait in memory, in order. Small chunks share a buffer: a client may send a body byte by byte. */

/** Bytes of a buffer that is shared. */
const SHARED = 16 * 1024;

interface Chunk {
  readonly buffer: Uint8Array;
  length: number;
}

export class Chunks {
  /** Bytes in it. */
  bytes = 0;
  #chunks: Chunk[] = [];

  get empty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Copies it. */
  push(data: Uint8Array): void {
    this.add(data, true);
  }

  /** `isOthers`: it is to be copied, because its owner goes on with it. */
  add(data: Uint8Array, isOthers = false): void {
    this.bytes += data.length;
    const last = this.#chunks.at(-1);
    if (last && last.length + data.length <= last.buffer.length)
      return join(last, data);
    if (last === undefined || data.length >= SHARED) {
      const buffer = isOthers ? new Uint8Array(data) : data; // most bodies come in one piece
      this.#chunks.push({ buffer, length: data.length });
      return;
    }
    const shared = { buffer: Buffer.allocUnsafeSlow(SHARED), length: 0 };
    this.#chunks.push(shared);
    join(shared, data);
  }

  /** Room for so many bytes in one buffer, with what is there already. */
  reserve(bytes: number): void {
    const [first] = this.#chunks;
    if (first !== undefined && first.buffer.length >= bytes) return;
    const all = { buffer: Buffer.allocUnsafeSlow(bytes), length: 0 };
    for (const { buffer, length } of this.#chunks)
      join(all, buffer.subarray(0, length));
    this.#chunks = [all];
  }

  /** The oldest. */
  shift(): Uint8Array | undefined {
    const first = this.#chunks.shift();
    if (first === undefined) return undefined;
    this.bytes -= first.length;
    return first.buffer.subarray(0, first.length);
  }

  /** All of them as one. */
  concat(): Uint8Array {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first!.length === first!.buffer.length)
      return first!.buffer;
    const parts = this.#chunks.map(({ buffer, length }) =>
      buffer.subarray(0, length),
    );
    return Buffer.concat(parts, this.bytes);
  }

  clear(): void {
    if (this.empty) return;
    this.#chunks = [];
    this.bytes = 0;
  }
}

function join(chunk: Chunk, data: Uint8Array): void {
  chunk.buffer.set(data, chunk.length);
  chunk.length += data.length;
}
