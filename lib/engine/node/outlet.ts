/** The outlet of node:http: a `ServerResponse` whose turn on its connection has come. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { setImmediate } from "node:timers/promises";
import { InvalidReplyError } from "../../common/errors.ts";
import {
  REQUEST_ID_FIELD,
  type Chunk,
  type Outlet,
  type OutletState,
  type ReplyHead,
  type Step,
} from "../engine.ts";

/** Chunks, and bytes, of one body that are sent before others get their turn: see `uws/portions.ts`. */
const CHUNKS_PER_TURN = 256;
const BYTES_PER_TURN = 256 * 1024;

/** Milliseconds after which a client that is held back may have left without being noticed. */
const LOOK_MS = 5000;

/** Milliseconds that a client which still sends has for its last reply. */
const LINGER_MS = 5000;

const NOTHING = new Uint8Array();

export class NodeOutlet implements Outlet {
  state: OutletState = "waiting";
  status: number | undefined;
  bytes = 0;
  /** Its reply is the last of the connection. */
  isLast = false;
  /** Node says when the system has taken the end. */
  readonly lags = false;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** The client waits for a 100 before it sends its body, and has not got it. */
  #awaited = false;
  #requestId: string | undefined;
  /** Of a streamed body. */
  #length: number | undefined;
  /** The client is behind. */
  #full = false;
  #chunksInTurn = 0;
  #bytesInTurn = 0;
  /** Set once the client has been held back. */
  #looks: NodeJS.Timeout | undefined;
  #isWatched = false;
  #tell: (() => void) | undefined;
  #whenWritable: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    const { expect } = request.headers;
    if (expect !== undefined && request.httpVersionMinor > 0)
      this.#awaited = CONTINUE.test(expect);
  }

  identify(requestId: string): void {
    this.#requestId = requestId;
  }

  /** What came behind the head in the same packet may have been no body. */
  onGone(tell: () => void): void {
    if (this.state === "gone") return tell();
    this.#tell = tell;
    this.#watch();
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#response.once("close", () => this.leave());
  }

  /** The client has gone, or what it sends cannot be understood. */
  leave(): void {
    if (!this.isOpen) return;
    this.#setGone();
    this.#tell?.();
  }

  #setGone(): void {
    this.state = "gone";
    clearInterval(this.#looks);
    this.#wake?.();
  }

  get isOpen(): boolean {
    return this.state === "waiting" || this.state === "streaming";
  }

  /** What is silent is neither a client that sends its body nor one that takes its reply. */
  get waitsForApplication(): boolean {
    if (this.state === "waiting")
      return this.#request.complete || this.#request.isPaused();
    return (
      this.state === "streaming" && this.#response.socket?.writableLength === 0
    );
  }

  /**
   * Sends something that means nothing: an interim reply (RFC 9110, section 15.2), or the first digit, a zero, of the
   * next chunk's size (RFC 9112, section 7.1). What is on its way does as well.
   */
  probe(): void {
    const response = this.#response;
    if (this.#request.httpVersionMinor === 0) return;
    if (response.socket?.writableLength !== 0) return;
    if (this.state === "waiting") response.writeContinue();
    else if (response.chunkedEncoding && this.bytes > 0)
      response.socket.write("0");
  }

  /** Node keeps what has come until somebody wants it. */
  returned(): void {}

  onData(push: (data: Uint8Array, isLast: boolean) => void): void {
    this.#request
      .on("data", ({ buffer, byteOffset, length }: Uint8Array) =>
        push(new Uint8Array(buffer, byteOffset, length), false),
      )
      .on("end", () => push(NOTHING, true));
  }

  /** A connection that is not read does not show that its client has left: so it is let go now and then. */
  pause(): void {
    if (!this.isOpen) return;
    this.#request.pause();
    this.#looks ??= setInterval(() => this.#letGo(), LOOK_MS);
  }

  /** When the body is wanted. */
  resume(): void {
    if (this.#awaited && this.state === "waiting") {
      this.#awaited = false;
      this.#response.writeContinue();
    }
    this.#letGo();
  }

  /** A body that stays paused would never bring the next request. */
  #letGo(): void {
    if (this.#request.isPaused()) this.#request.resume();
  }

  sendPlain(contentType: string, body: Chunk): void {
    if (this.state !== "waiting") return;
    this.#sendWhole(200, undefined, ["content-type", contentType], body);
  }

  send(head: ReplyHead, body: Chunk): void {
    if (this.state !== "waiting") return;
    const fields = this.#fieldsOf(head);
    const bytes = isPlain(head) ? body : Buffer.from(body as string); // Node would write both in one encoding
    this.#sendWhole(head.status, reasonOf(head), fields, bytes);
  }

  #sendWhole(
    status: number,
    reason: string | undefined,
    fields: string[],
    body: Chunk,
  ): void {
    this.bytes = byteLength(body);
    fields.push("content-length", String(this.bytes));
    this.#writeHead(status, reason, fields);
    this.#end(body);
  }

  /** Of what came behind the request nothing has its turn any more. */
  sever(head: ReplyHead, body: string): void {
    this.send({ ...head, close: true }, body);
  }

  sendHead(head: ReplyHead, length: number | undefined): void {
    if (this.state !== "waiting") return;
    const fields = this.#fieldsOf(head);
    if (length !== undefined) fields.push("content-length", String(length));
    this.#writeHead(head.status, reasonOf(head), fields);
    this.#end();
  }

  start(head: ReplyHead): void {
    if (this.state !== "waiting") return;
    this.state = "streaming";
    this.#length = head.contentLength;
    this.#watch();
    this.#response.on("drain", () => this.#continue());
    const fields = this.#fieldsOf(head);
    if (this.#length !== undefined)
      fields.push("content-length", String(this.#length));
    this.#writeHead(head.status, reasonOf(head), fields);
  }

  #fieldsOf(head: ReplyHead): string[] {
    this.isLast = head.close;
    return plainFields(head);
  }

  #continue(): void {
    this.#full = false;
    this.#wake?.();
  }

  /**
   * Nothing says that a connection of HTTP/1.1 is kept, as they all are; everything else that is to be said of it, Node
   * says.
   */
  #writeHead(
    status: number,
    reason: string | undefined,
    fields: string[],
  ): void {
    const response = this.#response;
    this.status = status;
    if (this.#requestId !== undefined) addId(fields, this.#requestId);
    if (
      response.shouldKeepAlive &&
      this.#request.httpVersionMinor > 0 &&
      !this.#awaited
    )
      response.removeHeader("connection");
    if (reason === undefined) response.writeHead(status, fields);
    else response.writeHead(status, reason, fields);
  }

  write(chunk: Chunk): boolean {
    if (this.state === "gone") return true;
    const bytes = byteLength(chunk);
    if (this.bytes + bytes > (this.#length ?? Infinity))
      throw new InvalidReplyError(
        `the body is longer than the content-length of ${this.#length}`,
      );
    this.bytes += bytes;
    this.#bytesInTurn += bytes;
    if (this.bytes === this.#length) this.#end(chunk);
    else if (bytes > 0 && this.state === "streaming")
      this.#full = !this.#response.write(chunk);
    return (
      !this.#full &&
      ++this.#chunksInTurn < CHUNKS_PER_TURN &&
      this.#bytesInTurn < BYTES_PER_TURN
    );
  }

  writeAll(step: Step, rest: { next(): Step }): boolean {
    for (let next = step; !next.done; next = rest.next()) {
      if (this.state === "gone") return true;
      if (!this.write(next.value)) return false;
    }
    return true;
  }

  async writable(): Promise<void> {
    this.#chunksInTurn = this.#bytesInTurn = 0;
    if (this.#full && this.state === "streaming")
      await (this.#whenWritable ??= new Promise((resolve) => {
        this.#wake = () => {
          this.#whenWritable = this.#wake = undefined;
          resolve();
        };
      }));
    await setImmediate();
  }

  async taken(): Promise<void> {
    while (this.state === "streaming") await this.writable();
  }

  end(): void {
    if (this.state !== "streaming" || this.#response.writableEnded) return;
    if (this.#length !== undefined && this.bytes < this.#length)
      throw new InvalidReplyError(
        `the body has ${this.bytes} bytes, its content-length says ${this.#length}`,
      );
    this.#end();
  }

  /** The end, and what comes before it. It has been taken when the system has it. */
  #end(last?: Chunk): void {
    const response = this.#response;
    if (response.writableEnded) return;
    this.#letGo();
    clearInterval(this.#looks);
    if (this.isLast && !this.#request.complete) linger(this.#request.socket);
    response.end(last);
    if (response.socket?.writableLength === 0) {
      this.state = "ended";
      return;
    }
    this.state = "streaming";
    this.#full = true;
    this.#watch();
    response.once("finish", () => {
      if (this.#request.socket.destroyed) this.leave(); // Node says so there, too
      if (!this.isOpen) return;
      this.state = "ended";
      this.#wake?.();
    });
  }

  close(): void {
    if (!this.isOpen) return;
    const endsByClose =
      this.status !== undefined &&
      this.#length === undefined &&
      this.#request.httpVersionMinor === 0;
    this.#setGone();
    const { socket } = this.#response;
    if (socket === null) return;
    if (endsByClose && canReset(socket)) socket.resetAndDestroy();
    else socket.destroy();
  }
}

/** RFC 9110, section 10.1.1. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

/** A body that ends with its connection, as in HTTP/1.0, would pass for complete. */
const canReset = (socket: Socket): boolean =>
  !(socket as TLSSocket).encrypted && socket.remoteAddress !== undefined;

/**
 * A client that still sends gets its last reply whole: of a connection that is closed with bytes in it that nobody has
 * read, the system throws away what is on its way (RFC 9112, section 9.6). Until the client has seen it, what comes is
 * read and dropped.
 */
function linger(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const limit = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(limit));
  };
}

/** Undefined: the usual one. */
const reasonOf = ({ statusLine }: ReplyHead): string | undefined =>
  statusLine === "200 OK" ? undefined : statusLine.slice(4);

const isPlain = ({ fields }: ReplyHead): boolean =>
  fields.every((it) => typeof it === "string");

/** As Node takes them: a character for each byte, and no `Trailer`, which it refuses before a body with a length. */
function plainFields({ fields, close }: ReplyHead): string[] {
  const plain: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1]!;
    if (name.length === 7 && name.toLowerCase() === "trailer") continue;
    plain.push(name, typeof value === "string" ? value : toLatin1(value));
  }
  if (close) plain.push("connection", "close");
  return plain;
}

const toLatin1 = (bytes: Buffer): string => bytes.toString("latin1");

function addId(fields: string[], requestId: string): void {
  const given = fields.some(
    (it, i) => i % 2 === 0 && it.toLowerCase() === REQUEST_ID_FIELD,
  );
  if (!given) fields.push(REQUEST_ID_FIELD, requestId);
}

function byteLength(chunk: Chunk): number {
  return typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
}
