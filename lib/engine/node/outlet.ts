/** The outlet of node:http: a `ServerResponse` whose turn on its connection has come. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Chunk } from "../engine.ts";
import { LOOK_MS } from "../hold.ts";
import { StreamOutlet } from "../stream-outlet.ts";
import { trailersOf } from "./head.ts";

/** Milliseconds that a client which still sends has for its last reply. */
const LINGER_MS = 5000;

/** By the connection itself, as Node takes a head for sent that waits for the first piece of a body. */
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

export class HttpOutlet extends StreamOutlet {
  /** Its reply is the last of the connection. */
  isLast = false;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** Set once the client has been held back. */
  #looks: NodeJS.Timeout | undefined;
  /** The head is on its way. */
  #hasLeft = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    super(
      request,
      request.httpVersionMinor > 0 ? request.headers.expect : undefined,
    );
    this.#request = request;
    this.#response = response;
  }

  protected invite(): void {
    this.#response.writeContinue();
  }

  /** By the connection itself: Node's own way takes links alone. */
  protected override writeHint(fields: readonly string[]): boolean {
    const { socket } = this.#response;
    if (socket === null) return false;
    let text = "HTTP/1.1 103 Early Hints\r\n";
    for (let i = 0; i < fields.length; i += 2)
      text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    socket.write(`${text}\r\n`, "latin1");
    return true;
  }

  get trailers(): readonly string[] {
    return trailersOf(this.#request.rawTrailers);
  }

  /** Trailers travel in chunks alone (RFC 9112, section 7.1.2); of neither HTTP/1.0 knows. */
  override get sendsExtras(): boolean {
    return this.#request.httpVersionMinor > 0;
  }

  protected override writeTrailers(fields: readonly string[]): void {
    const pairs: [string, string][] = [];
    for (let i = 0; i < fields.length; i += 2)
      pairs.push([fields[i]!, fields[i + 1]!]);
    this.#response.addTrailers(pairs);
  }

  protected watch(): void {
    this.#response.once("close", () => this.leave());
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
    else if (!this.#hasLeft) response.socket.write(CONTINUE);
    else if (response.chunkedEncoding) response.socket.write("0");
  }

  /** A connection that is not read does not show that its client has left: so it is let go now and then. */
  override pause(): void {
    super.pause();
    if (this.isOpen) this.#looks ??= setInterval(() => this.letGo(), LOOK_MS);
  }

  protected override released(): void {
    clearInterval(this.#looks);
  }

  /** What else is to be said of the connection, Node says. */
  protected writeHead(
    status: number,
    reason: string | undefined,
    fields: string[],
    close: boolean,
  ): void {
    const response = this.#response;
    this.isLast = close;
    if (close) fields.push("connection", "close");
    if (this.state === "streaming") response.on("drain", () => this.proceed());
    if (reason === undefined) response.writeHead(status, fields);
    else response.writeHead(status, reason, fields);
  }

  protected writeChunk(chunk: Chunk): boolean {
    this.#hasLeft = true; // also with an empty one
    return this.#response.write(chunk);
  }

  protected writeEnd(last: Chunk | undefined): boolean {
    const response = this.#response;
    const { socket, complete } = this.#request;
    if (this.isLast && !complete) linger(socket);
    response.end(last);
    if (response.socket?.writableLength === 0) return true;
    response.once("finish", () => {
      if (socket.destroyed)
        this.leave(); // Node says so there, too
      else this.finish();
    });
    return false;
  }

  /** A body that ends with its connection, as in HTTP/1.0, would pass for complete. */
  protected cut(): void {
    const { socket } = this.#response;
    const endsByClose =
      this.status !== undefined &&
      this.length === undefined &&
      this.#request.httpVersionMinor === 0;
    if (socket === null) return;
    if (endsByClose && canReset(socket)) socket.resetAndDestroy();
    else socket.destroy();
  }
}

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
