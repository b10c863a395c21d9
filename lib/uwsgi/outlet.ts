/** The way of a reply to a front server: a status line, fields, and a body that ends with the connection. */
import type { Socket } from "node:net";
import { HOP_BY_HOP } from "../common/fields.ts";
import type { Chunk, Step } from "../engine/engine.ts";
import { StreamOutlet } from "../engine/stream-outlet.ts";

export class UwsgiOutlet extends StreamOutlet {
  readonly #socket: Socket;
  /** Of the request's body: bytes that are still to come, and what has come before somebody took them. */
  #left: number;
  #early: Uint8Array;
  #push: ((data: Uint8Array, isLast: boolean) => void) | undefined;
  #paused = false;
  /** Until the first of the body, or the end: then both leave together. */
  #head = "";

  /** `early`: what has come of the body, of `length` bytes, with the packet. */
  constructor(socket: Socket, length: number, early: Uint8Array) {
    super(socket, undefined); // `Expect` is between the client and the front
    this.#socket = socket;
    this.#left = length;
    this.#early = early;
    if (length > 0) socket.pause(); // until somebody wants it
  }

  // The request's body.

  override onData(push: (data: Uint8Array, isLast: boolean) => void): void {
    this.#push = push;
    process.nextTick(() => {
      if (this.#early.length > 0) this.receive(this.#early);
      if (this.#left > 0 && !this.#paused) this.#socket.resume();
    });
  }

  override pause(): void {
    this.#paused = true;
    if (this.#left > 0) this.#socket.pause(); // behind the body the front's leaving is to be seen
  }

  override resume(): void {
    this.#paused = false;
    super.resume();
  }

  /** The front is expected to send. */
  get awaitsBody(): boolean {
    return this.#left > 0 && this.#push !== undefined && !this.#paused;
  }

  /** All of the request is there, its body too. */
  get isReceived(): boolean {
    return this.#left === 0;
  }

  /** What comes behind the body, or when nobody wants it any more, is dropped. */
  receive(piece: Uint8Array): void {
    if (this.#left === 0 || !this.isOpen) return;
    const data = piece.subarray(0, this.#left);
    this.#left -= data.length;
    if (this.#left === 0) this.#socket.resume();
    this.#push!(data, this.#left === 0);
  }

  protected invite(): void {}

  // The reply.

  /** `UwsgiConnection` says so. */
  protected watch(): void {}

  /** What is given at one go leaves at one go. */
  override writeAll(step: Step, rest: { next(): Step }): boolean {
    this.#socket.cork();
    try {
      return super.writeAll(step, rest);
    } finally {
      this.#socket.uncork();
    }
  }

  /** The protocol has no chunks: a body without a length in the head ends with the connection. */
  protected writeHead(
    status: number,
    reason = "OK",
    fields: readonly string[],
  ): void {
    let text = `HTTP/1.1 ${status} ${reason}\r\n`;
    for (let i = 0; i < fields.length; i += 2)
      if (!HOP_BY_HOP.has(fields[i]!.toLowerCase()))
        text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    this.#head = `${text}\r\n`;
    if (this.state === "streaming")
      this.#socket.on("drain", () => this.proceed());
  }

  protected writeChunk(chunk: Chunk): boolean {
    this.#sendHead();
    return this.#socket.write(chunk);
  }

  protected writeEnd(last: Chunk = ""): boolean {
    const socket = this.#socket;
    if (typeof last === "string" && isAscii(this.#head))
      socket.end(this.#head + last); // in one piece where it can be: only a field may have bytes that are not ASCII
    else {
      socket.cork();
      this.#sendHead();
      socket.end(last);
    }
    if (socket.writableLength === 0) return true;
    socket.once("finish", () => this.finish());
    return false;
  }

  #sendHead(): void {
    if (this.#head !== "") this.#socket.write(this.#head, "latin1");
    this.#head = "";
  }

  /** The front has to see that the reply is not complete. On a Unix socket only the reply's length can show it. */
  protected cut(): void {
    if (this.#socket.remoteFamily === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}

// oxlint-disable-next-line no-control-regex -- all of ASCII
const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
