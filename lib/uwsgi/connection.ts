/**
 * One connection of a front server, which is one request: it is read as a packet and sent to the loop as HTTP, and the
 * reply is handed back.
 *
 *     reading ──packet──► asking ──head──► replying ──► over
 *        └──────────────────┴────────────────┴── the front leaves, the loop cuts ──► over
 *
 * A front may get its reply before it has sent all: then the rest is read and dropped.
 */
import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from "node:http";
import type { Socket } from "node:net";
import ipaddr from "ipaddr.js";
import type { Logger } from "../common/log.ts";
import { endToEnd } from "../common/fields.ts";
import { ReplySocket } from "../upstream/socket.ts";
import { PacketError, PacketReader } from "./packet.ts";
import { toRequest, type UwsgiRequest } from "./request.ts";

/** Paths of the Unix sockets on which the loop listens for these connections, by the scheme that the client spoke. */
export type InnerSockets = Readonly<Record<UwsgiRequest["scheme"], string>>;

type State = "reading" | "asking" | "replying" | "over";

export class UwsgiConnection {
  readonly #socket: Socket;
  readonly #innerSockets: InnerSockets;
  readonly #idleTimeoutMs: number;
  readonly #log: Logger;
  readonly #packet = new PacketReader();
  #state: State = "reading";
  #out: ClientRequest | undefined;
  /** Bytes of the body that are still to come. */
  #left = 0;

  constructor(
    socket: Socket,
    innerSockets: InnerSockets,
    idleTimeoutMs: number,
    log: Logger,
  ) {
    this.#socket = socket;
    this.#innerSockets = innerSockets;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#log = log;
    socket
      .setTimeout(idleTimeoutMs, () => socket.destroy())
      .on("data", (piece) =>
        this.#state === "reading" ? this.#read(piece) : this.#pass(piece),
      )
      .on("end", () => socket.destroy()) // a front server does so only when its client has left
      .on("error", (error) => log.debug({ err: error }, "a front server left"))
      .on("finish", () => this.#linger())
      .on("close", () => this.#leave());
  }

  /** The loop has ended: what has come of replies is still passed on, to a front that goes on reading. */
  finish(): void {
    if (this.#state === "reading") this.#socket.destroy();
    else this.#socket.setTimeout(this.#idleTimeoutMs);
  }

  #read(piece: Buffer): void {
    try {
      const packet = this.#packet.push(piece);
      if (packet === undefined) return;
      this.#ask(toRequest(packet.variables));
      this.#pass(packet.rest);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.#log.info(`refused a malformed uwsgi request: ${error.message}`);
      this.#refuse();
    }
  }

  #ask(request: UwsgiRequest): void {
    this.#state = "asking";
    this.#socket.setTimeout(0); // from here on the loop's own limits hold
    this.#left = request.bodyLength;
    this.#out = httpRequest({
      method: request.method,
      path: request.target,
      headers: request.headers,
      createConnection: () => this.#connect(request),
    })
      .on("drain", () => this.#socket.resume())
      .on("response", (reply) => this.#reply(reply))
      .on("error", (error) => this.#fail(error))
      .on("close", () => this.#end());
    if (this.#left === 0) this.#out.end();
    else this.#out.flushHeaders(); // a refusal may come before the body
  }

  /** The loop has to know the client: its address goes out in one piece with the head. */
  #connect({ scheme, remoteAddress }: UwsgiRequest): Socket {
    const inner = new ReplySocket().connect(this.#innerSockets[scheme]);
    if (remoteAddress === undefined) return inner;
    inner.cork();
    inner.write(proxyHeader(remoteAddress));
    return inner.once("connect", () => inner.uncork());
  }

  /** A piece of the body. What comes behind the body is dropped. */
  #pass(piece: Uint8Array): void {
    if (this.#left === 0 || this.#out === undefined) return;
    const body = piece.subarray(0, this.#left);
    this.#left -= body.length;
    if (body.length > 0 && !this.#out.write(body)) this.#socket.pause();
    if (this.#left > 0) return;
    this.#out.end();
    this.#socket.resume(); // to see when the front leaves
  }

  /** The loop takes no more of the body: the rest is read and dropped, as only behind it does the front's end show. */
  #end(): void {
    this.#left = 0;
    this.#socket.resume();
    this.#fail(new Error("no reply"));
  }

  #reply(reply: IncomingMessage): void {
    if (this.#state !== "asking") return void reply.destroy();
    this.#state = "replying";
    this.#socket.cork();
    this.#writeHead(reply.statusCode!, reply.statusMessage!, reply.rawHeaders);
    reply.on("error", () => this.#cut());
    reply.pipe(this.#socket);
    process.nextTick(() => this.#socket.uncork()); // pipe() writes what there is of the body in an earlier tick
  }

  /** The protocol has no chunks: a body without a length in the head ends with the connection. */
  #writeHead(status: number, reason: string, raw: readonly string[]): void {
    let head = `HTTP/1.1 ${status} ${reason}\r\n`;
    endToEnd(raw).forEach((text, i) => {
      head += i % 2 === 0 ? `${text}: ` : `${text}\r\n`;
    });
    this.#socket.write(`${head}\r\n`, "latin1");
  }

  /** The exchange ended without a head; its own log line says why. An HTTP client's connection is cut then, too. */
  #fail(error: Error): void {
    if (this.#state !== "asking") return;
    this.#log.info({ err: error }, "a uwsgi request got no reply");
    this.#cut();
  }

  #refuse(): void {
    this.#state = "over";
    this.#writeHead(400, "Bad Request", ["content-length", "0"]);
    this.#socket.end();
  }

  /**
   * A socket that is closed with bytes it has not read is reset, and the reply may be lost by that. So what the front
   * still sends is read and dropped, until it closes or has had time enough to read.
   */
  #linger(): void {
    const limit = setTimeout(() => this.#socket.destroy(), this.#idleTimeoutMs);
    this.#socket.once("close", () => clearTimeout(limit));
  }

  /** The front has to see that the reply is not complete. On a Unix socket only the reply's length can show it. */
  #cut(): void {
    this.#state = "over";
    if (this.#socket.remoteFamily === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #leave(): void {
    this.#state = "over";
    this.#out?.destroy();
  }
}

/**
 * What a header of the PROXY protocol begins with (section 2.2 of its text): its signature, its version and command.
 */
const PROXY = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21];
const TCP_4 = 0x11;
const TCP_6 = 0x21;

/** A header of its version 2 with this address as the source; destination and ports, which nobody reads, are zero. */
function proxyHeader(address: string): Buffer {
  const source = ipaddr.parse(address).toByteArray();
  const family = source.length === 4 ? TCP_4 : TCP_6;
  const rest = Buffer.alloc(2 * source.length + 4);
  rest.set(source);
  return Buffer.from([...PROXY, family, 0, rest.length, ...rest]);
}
