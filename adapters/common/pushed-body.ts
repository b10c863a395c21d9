/** The body of a reply that a thread or another process sends: what has come, until the client takes it. */
import type { Chunk } from "../../lib/adapter.ts";
import { ReplyFile, type Ahead } from "./ahead.ts";

type Step<C> = IteratorResult<C, undefined>;

/** Who sends it. */
export interface BodySender {
  /** It has to wait until the client has taken more. */
  readonly waits: boolean;
  /** So much of it is out of the sender's way: the client has taken it, or it is kept elsewhere. */
  taken(chunks: number, length: number): void;
  /** Nobody wants the rest. Done when the sender has cleaned up. @throws what its cleanup throws. */
  cancel(): void | Promise<void>;
}

/** Bytes of a chunk that is made of smaller ones. */
const MERGED_BYTES = 64 * 1024;

export class PushedBody<C extends Chunk> implements AsyncIterable<
  C | Uint8Array
> {
  readonly #sender: BodySender;
  /** What stands before the chunks; missing where the sender has to wait for its client. */
  readonly #file: ReplyFile | undefined;
  readonly #chunks: C[] = [];
  /** What was given out last, until the client has taken it. */
  #delivered = { chunks: 0, length: 0 };
  #waiting = 0;
  #lost: Error | undefined;
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(sender: BodySender, ahead?: Ahead) {
    this.#sender = sender;
    this.#file =
      ahead &&
      new ReplyFile(
        ahead,
        (error) => this.#lose(error),
        () => this.#relieve(),
      );
  }

  /** The length of what the client has not taken, and no file keeps. */
  get waiting(): number {
    return this.#waiting;
  }

  push(chunk: C): void {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    this.#wake?.();
    this.#relieve();
  }

  /** No more will come; with an error, not because all is there. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** Being asked for the next says that the client has taken the one before. */
  async next(): Promise<Step<C | Uint8Array>> {
    const { chunks, length } = this.#delivered;
    this.#delivered = { chunks: 0, length: 0 };
    this.#waiting -= length;
    if (chunks > 0) {
      this.#file?.taken(length);
      this.#sender.taken(chunks, length);
    }
    this.#relieve();
    for (;;) {
      if (this.#lost !== undefined) await this.#giveUp(this.#lost);
      const value =
        this.#file?.empty === false ? await this.#file.shift() : this.#take();
      if (value !== undefined) return { done: false, value };
      if (this.#end !== undefined) break;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#file?.close();
    if (this.#end.error !== undefined) throw this.#end.error;
    return { done: true, value: undefined };
  }

  /** What was kept is lost, and the rest is of no use. */
  #lose(error: Error): void {
    this.#lost ??= error;
    this.#wake?.();
  }

  async #giveUp(error: Error): Promise<never> {
    this.#file!.close();
    await this.#sender.cancel();
    throw error;
  }

  async return(): Promise<Step<C>> {
    this.#file?.close();
    await this.#sender.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Puts what waits into the file when the client has kept the sender waiting for too long. */
  #relieve(): void {
    if (this.#file === undefined) return;
    if (!this.#sender.waits) this.#file.goesOn();
    else if (this.#file.isLate(() => this.#relieve())) this.#keep(this.#file);
  }

  #keep(file: ReplyFile): void {
    if (file.isBehind) return; // it says when it is not
    const chunks = this.#chunks.length;
    const bytes = Buffer.concat(this.#chunks.map(asBytes));
    if (chunks === 0 || !file.push(bytes)) return;
    const length = this.#waiting - this.#delivered.length;
    this.#chunks.length = 0;
    this.#waiting -= length;
    this.#sender.taken(chunks, length);
  }

  /**
   * Joins small chunks of bytes: each write to the client's socket costs the same, and there may be thousands of
   * them.
   */
  #take(): C | Uint8Array | undefined {
    let [chunks, length] = [0, 0];
    for (const chunk of this.#chunks) {
      const isBytes = typeof chunk !== "string";
      if (chunks > 0 && !(isBytes && length + chunk.length <= MERGED_BYTES))
        break;
      chunks++;
      length += chunk.length;
      if (!isBytes) break;
    }
    this.#delivered = { chunks, length };
    const taken = this.#chunks.splice(0, chunks);
    return chunks > 1 ? Buffer.concat(taken as Uint8Array[], length) : taken[0];
  }
}

const asBytes = (chunk: Chunk): Uint8Array =>
  typeof chunk === "string" ? Buffer.from(chunk) : chunk;
