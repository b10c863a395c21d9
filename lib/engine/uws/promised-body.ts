/**
 * A streamed body whose length was promised. It goes through the engine's `tryEnd`, which takes what the socket takes
 * and says how much that was; `write` would send chunked framing beside the length.
 */
import { InvalidReplyError } from "../../common/errors.ts";
import type { HttpResponse } from "./load.ts";

/** `complete`: the engine has all that was promised, and the response is over. `full`: the client is behind. */
export type Sent = "complete" | "full" | "all so far";

export class PromisedBody {
  readonly length: number;
  /** Bytes that the application has produced. */
  produced = 0;
  readonly #res: HttpResponse;
  readonly #unsent: Uint8Array[] = [];

  constructor(res: HttpResponse, length: number) {
    this.#res = res;
    this.length = length;
  }

  /** `sent`: how much of it the engine has taken already. @throws {InvalidReplyError} when the body grows longer than the promised length. */
  push(chunk: Uint8Array, sent = 0): void {
    if (this.produced + chunk.length > this.length)
      throw new InvalidReplyError(
        `the body is longer than the content-length of ${this.length}`,
      );
    this.produced += chunk.length;
    this.#unsent.push(chunk.subarray(sent));
  }

  /** Gives the engine what it takes. Corked. */
  send(): Sent {
    for (let chunk = this.#unsent[0]; chunk; chunk = this.#unsent[0]) {
      const before = this.#res.getWriteOffset();
      const [ok, done] = this.#res.tryEnd(chunk, this.length);
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

  /** @throws {InvalidReplyError} when the body is shorter than the promised length. */
  end(): void {
    if (this.produced < this.length)
      throw new InvalidReplyError(
        `the body has ${this.produced} bytes, its content-length says ${this.length}`,
      );
  }
}
