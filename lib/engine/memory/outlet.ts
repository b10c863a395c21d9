/** The way of a reply that leaves by no socket: its head settles a promise, its body is a stream. */
import { addAbortListener } from "node:events";
import { Readable } from "node:stream";
import type { Chunk } from "../engine.ts";
import { StreamOutlet } from "../stream-outlet.ts";

/** What came of a request. */
export interface MemoryReply {
  readonly status: number;
  /** The reason phrase; empty for the usual one. */
  readonly statusText: string;
  /** name, value, name, value, …; a character for each byte. */
  readonly fields: readonly string[];
  readonly body: Readable;
}

export class MemoryOutlet extends StreamOutlet {
  /** Settles with the head; rejects when whoever asked has left before. */
  readonly reply: Promise<MemoryReply>;
  readonly #body: Readable;
  #settle!: {
    resolve(reply: MemoryReply): void;
    reject(reason: unknown): void;
  };

  /** `source`: the body of the request. `signal`: whoever asked leaves. */
  constructor(source: Readable, signal: AbortSignal | undefined) {
    super(source, undefined);
    this.reply = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const body = (this.#body = new Readable({ read: () => this.proceed() }));
    const watch =
      signal && addAbortListener(signal, () => body.destroy(signal.reason));
    body
      .on("error", (error) => this.#settle.reject(error)) // whoever reads the body gets it, too
      .on("close", () => {
        watch?.[Symbol.dispose]();
        this.leave();
        source.destroy();
      });
    source.on("error", (error) => body.destroy(error));
  }

  protected invite(): void {}

  /** The constructor does. */
  protected watch(): void {}

  protected writeHead(
    status: number,
    reason = "",
    fields: readonly string[],
  ): void {
    const body = this.#body;
    this.#settle.resolve({ status, statusText: reason, fields, body });
  }

  /** Copied: an application may use its memory again once the chunk has been taken. */
  protected writeChunk(chunk: Chunk): boolean {
    return this.#body.push(Buffer.from(chunk as Uint8Array));
  }

  protected writeEnd(last: Chunk | undefined): boolean {
    if (last !== undefined) this.writeChunk(last);
    this.#body.push(null);
    return true;
  }

  protected cut(): void {
    this.#body.destroy(
      new TypeError("the connection was cut: the reply is not complete"),
    );
  }
}
