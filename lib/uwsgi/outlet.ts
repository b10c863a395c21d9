/** The way of a reply to a front server: a status line, fields, and a body that ends with the connection. */
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { InvalidReplyError } from "../common/errors.ts";
import { HOP_BY_HOP } from "../common/fields.ts";
import {
  REQUEST_ID_FIELD,
  type Chunk,
  type Outlet,
  type OutletState,
  type ReplyHead,
  type Step,
} from "../engine/engine.ts";

export class UwsgiOutlet implements Outlet {
  state: OutletState = "waiting";
  status: number | undefined;
  bytes = 0;
  readonly lags = false;
  readonly #socket: Socket;
  /** Of the request's body: bytes that are still to come, and what has come before somebody took them. */
  #left: number;
  #early: Uint8Array;
  #push: ((data: Uint8Array, isLast: boolean) => void) | undefined;
  #tellGone: (() => void) | undefined;
  #requestId: string | undefined;
  /** Of a streamed body: its head, until the first chunk, and its length as promised. */
  #head: string | undefined;
  #promised: number | undefined;
  /** Woken when the front has taken something, or is gone. */
  #waiting: (() => void)[] = [];

  /** `early`: what has come of the body, of `length` bytes, with the packet. */
  constructor(socket: Socket, length: number, early: Uint8Array) {
    this.#socket = socket;
    this.#left = length;
    this.#early = early;
    if (length > 0) socket.pause(); // until somebody wants it
  }

  // The request's body.

  onData(push: (data: Uint8Array, isLast: boolean) => void): void {
    this.#push = push;
    process.nextTick(() => this.#begin());
  }

  #begin(): void {
    const early = this.#early;
    this.#early = NOTHING;
    if (early.length > 0) this.receive(early);
    if (this.#left > 0 && !this.#paused) this.#socket.resume();
  }

  #paused = false;

  pause(): void {
    this.#paused = true;
    if (this.#left > 0) this.#socket.pause(); // behind the body the front's leaving is to be seen
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** The front is expected to send. */
  get awaitsBody(): boolean {
    return this.#left > 0 && this.#push !== undefined && !this.#paused;
  }

  /** What comes behind the body, or when nobody wants it any more, is dropped. */
  receive(piece: Uint8Array): void {
    if (this.#left === 0 || !this.#isOpen) return;
    const data = piece.subarray(0, this.#left);
    this.#left -= data.length;
    if (this.#left === 0) this.#socket.resume();
    this.#push!(data, this.#left === 0);
  }

  // The reply.

  get #isOpen(): boolean {
    return this.state === "waiting" || this.state === "streaming";
  }

  onGone(tell: () => void): void {
    this.#tellGone = tell;
  }

  returned(): void {}

  identify(requestId: string): void {
    this.#requestId = requestId;
  }

  sendPlain(contentType: string, body: Chunk): void {
    this.#sendWhole(
      200,
      `200 OK\r\ncontent-type: ${contentType}\r\n`,
      [],
      body,
    );
  }

  send({ status, statusLine, fields }: ReplyHead, body: Chunk): void {
    this.#sendWhole(status, `${statusLine}\r\n`, fields, body);
  }

  /** The packet says where a request ends, and it is the only one of its connection. */
  sever(head: ReplyHead, body: string | undefined): void {
    if (body === undefined) this.sendHead(head, undefined);
    else this.send(head, body);
  }

  #sendWhole(
    status: number,
    begin: string,
    fields: ReplyHead["fields"],
    body: Chunk,
  ): void {
    if (this.state !== "waiting") return;
    this.status = status;
    this.bytes = Buffer.byteLength(body);
    this.#end(this.#write(begin, fields, this.bytes), body);
  }

  sendHead(head: ReplyHead, length: number | undefined): void {
    if (this.state !== "waiting") return;
    this.status = head.status;
    const { statusLine, fields } = head;
    this.#end(this.#write(`${statusLine}\r\n`, fields, length), "");
  }

  start({ status, statusLine, fields, contentLength }: ReplyHead): void {
    if (this.state !== "waiting") return;
    this.state = "streaming";
    this.status = status;
    this.#promised = contentLength;
    this.#head = this.#write(`${statusLine}\r\n`, fields, contentLength);
  }

  write(chunk: Chunk): boolean {
    if (this.state !== "streaming" || chunk.length === 0) return true;
    this.bytes += Buffer.byteLength(chunk);
    if (this.bytes > (this.#promised ?? Infinity))
      throw new InvalidReplyError(
        `the body is longer than the content-length of ${this.#promised}`,
      );
    this.#sendHead();
    return this.#socket.write(chunk);
  }

  writeAll(first: Step, rest: { next(): Step }): boolean {
    this.#socket.cork();
    try {
      for (let step = first; !step.done; step = rest.next())
        if (!this.write(step.value)) return false;
      return true;
    } finally {
      this.#socket.uncork();
    }
  }

  async writable(): Promise<void> {
    const { writableNeedDrain, writableEnded } = this.#socket;
    if (this.state === "streaming" && (writableNeedDrain || writableEnded))
      await this.#change();
    await setImmediate();
  }

  async taken(): Promise<void> {
    while (this.state === "streaming") await this.#change();
  }

  end(): void {
    if (this.state !== "streaming") return;
    if (this.bytes < (this.#promised ?? 0))
      throw new InvalidReplyError(
        `the body has ${this.bytes} bytes, its content-length says ${this.#promised}`,
      );
    this.#sendHead();
    this.#socket.end();
    this.#settle();
  }

  /** The front has to see that the reply is not complete. On a Unix socket only the reply's length can show it. */
  close(): void {
    if (!this.#isOpen) return;
    this.state = "gone";
    this.#wake();
    if (this.#socket.remoteFamily === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** The connection has ended. */
  closed(): void {
    if (!this.#isOpen) return;
    this.state = "gone";
    this.#wake();
    this.#tellGone?.();
  }

  #sendHead(): void {
    if (this.#head === undefined) return;
    this.#socket.write(this.#head, "latin1");
    this.#head = undefined;
  }

  /** In one piece where it can be: only a field may have bytes that are not ASCII. */
  #end(head: string, body: Chunk): void {
    if (typeof body === "string" && isAscii(head))
      this.#socket.end(head + body);
    else {
      this.#socket.cork();
      this.#socket.write(head, "latin1");
      this.#socket.end(body);
    }
    this.#settle();
  }

  /** What the socket does not take at once is on its way until it has. */
  #settle(): void {
    this.state = this.#socket.writableLength === 0 ? "ended" : "streaming";
    this.#socket.resume(); // the rest of a body that nobody wanted
    this.#wake();
  }

  #finish(): void {
    if (this.state === "streaming") this.state = "ended";
    this.#wake();
  }

  /** The protocol has no chunks: a body without a length in the head ends with the connection. */
  #write(
    begin: string,
    fields: ReplyHead["fields"],
    length: number | undefined,
  ): string {
    let text = `HTTP/1.1 ${begin}`;
    let identified = this.#requestId === undefined;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] as string;
      const value = fields[i + 1]!;
      const lower = name.toLowerCase();
      if (HOP_BY_HOP.has(lower)) continue;
      identified ||= lower === REQUEST_ID_FIELD;
      text += `${name}: ${typeof value === "string" ? value : value.toString("latin1")}\r\n`;
    }
    if (!identified) text += `${REQUEST_ID_FIELD}: ${this.#requestId}\r\n`;
    if (length !== undefined) text += `content-length: ${length}\r\n`;
    return `${text}\r\n`;
  }

  /** Done when the front has taken what it was sent, or is gone. */
  #change(): Promise<void> {
    const change = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#waiting.length > 1) return change; // it is waited for already
    if (this.#socket.writableEnded)
      this.#socket.once("finish", () => this.#finish());
    else this.#socket.once("drain", () => this.#wake());
    return change;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

const NOTHING = new Uint8Array();

// oxlint-disable-next-line no-control-regex -- all of ASCII
const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
