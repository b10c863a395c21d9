/**
 * A connection in memory: two ends, of which each reads what the other one writes. Node's own `duplexPair` gives bytes
 * to the reader while the writer is still at it, which `ws` does not expect of a connection.
 */
import { Duplex } from "node:stream";
import { nextTick } from "node:process";

export class WireEnd extends Duplex {
  remoteAddress: string | undefined;
  encrypted = false;
  #other!: WireEnd;
  /** The other end waits until somebody reads. */
  #taken: (() => void) | undefined;

  static pair(): [WireEnd, WireEnd] {
    const [a, b] = [new WireEnd(), new WireEnd()];
    a.#other = b;
    b.#other = a;
    return [a, b];
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _: BufferEncoding, taken: () => void): void {
    nextTick(() => this.#other.#receive(chunk, taken));
  }

  override _final(done: () => void): void {
    nextTick(() => {
      this.#other.push(null);
      done();
    });
  }

  /** What was written before can still be read at the other end. */
  override _destroy(
    error: Error | null,
    done: (error: Error | null) => void,
  ): void {
    nextTick(() => this.#other.#isAlone());
    this._read(); // who has written to it learns that nobody reads
    done(error);
  }

  #receive(chunk: Buffer, taken: () => void): void {
    if (this.destroyed || this.push(chunk)) taken();
    else this.#taken = taken;
  }

  #isAlone(): void {
    if (this.destroyed) return;
    if (!this.#other.writableEnded) this.push(null);
    if (this.readableEnded) this.destroy();
    else this.once("end", () => this.destroy());
  }

  // Of a `net.Socket`, what is asked of it and means nothing in memory.

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
