/**
 * A streamed body whose length was promised. It goes through the engine's `tryEnd`, which takes what the socket takes
 * and says how much that was; `write` would send chunked framing beside the length.
 */
import { checkAllProduced, checkNotTooMuch } from "../promised-length.ts";
import type { HttpResponse } from "./load.ts";

/** `complete`: the engine has all that was promised, and the response is over. `full`: the client is behind. */
export type Sent = "complete" | "full" | "all so far";

export class PromisedBody {
  readonly length: number;
  /**
   * The connection is cut behind it. The response must not be over by then, as the engine would keep the connection: so
   * it is told a greater length than the head says, once the head is out.
   */
  readonly cuts: boolean;
  /** Bytes that the application has produced. */
  produced = 0;
  readonly #res: HttpResponse;
  readonly #unsent: Uint8Array[] = [];
  #writeHead: (() => void) | undefined;
  #begun = false;

  /** `writeHead`: of a head that is still to be written, which leaves with the first byte. */
  constructor(
    res: HttpResponse,
    length: number,
    cuts = false,
    writeHead?: () => void,
  ) {
    this.#res = res;
    this.length = length;
    this.cuts = cuts;
    this.#writeHead = writeHead;
  }

  /** The application has produced all of it. */
  get isProduced(): boolean {
    return this.produced === this.length;
  }

  /**
   * `sent`: how much of it the engine has taken already.
   *
   * @throws {InvalidReplyError} when the body grows longer than the promised length.
   */
  push(chunk: Uint8Array, sent = 0): void {
    checkNotTooMuch(this.produced + chunk.length, this.length);
    this.produced += chunk.length;
    this.#unsent.push(chunk.subarray(sent));
  }

  /** The head, if it has not been written. Corked. */
  writeHead(): void {
    this.#writeHead?.();
    this.#writeHead = undefined;
  }

  /** The oldest piece that has not been sent. */
  shift(): Uint8Array {
    return this.#unsent.shift()!;
  }

  /** What follows behind it, and belongs to no reply. */
  flush(bytes: Uint8Array): void {
    this.#unsent.push(bytes);
  }

  /** The same at once, where the response is not over; else what was to follow has been sent with it. */
  sendBehind(bytes: Uint8Array): void {
    if (!this.cuts) return;
    this.flush(bytes);
    this.send();
  }

  /** Makes the last byte a piece of its own. */
  splitLast(): void {
    const last = this.#unsent.pop();
    if (last === undefined) return;
    if (last.length > 1) this.#unsent.push(last.subarray(0, -1));
    this.#unsent.push(last.subarray(-1));
  }

  /** Gives the engine what it takes, but for the last `except` pieces. Corked. */
  send(except = 0): Sent {
    this.writeHead();
    if (this.cuts) this.#begin();
    const total = this.cuts ? Number.MAX_SAFE_INTEGER : this.length;
    while (this.#unsent.length > except) {
      const chunk = this.#unsent[0]!;
      const before = this.#res.getWriteOffset();
      const [ok, done] = this.#res.tryEnd(chunk, total);
      if (done) return "complete";
      if (!ok) {
        const taken = this.#res.getWriteOffset() - before;
        this.#unsent[0] = chunk.subarray(taken);
        return "full";
      }
      this.#unsent.shift();
    }
    return "all so far";
  }

  /** Sends the head with its length, and the first byte. */
  #begin(): void {
    const first = this.#unsent[0];
    if (this.#begun || first === undefined) return;
    this.#begun = true;
    const [ok] = this.#res.tryEnd(first.subarray(0, 1), this.length);
    if (!ok) return;
    if (first.length > 1) this.#unsent[0] = first.subarray(1);
    else this.#unsent.shift(); // an empty piece would end the body
  }

  /** @throws {InvalidReplyError} when the body is shorter than the promised length. */
  end(): void {
    checkAllProduced(this.produced, this.length);
  }
}
