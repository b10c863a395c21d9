/**
 * One connection of a front server, which is one request: a packet, a body, and a reply, which ends it.
 *
 *     reading ──packet──► serving ──reply, or the front leaves──► over
 *
 * A front may get its reply before it has sent all: then the rest is read and dropped.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import type { Linked } from "../common/live.ts";
import type { Logger } from "../common/log.ts";
import type { Serve } from "../engine/engine.ts";
import type { Entrance, Scheme } from "../engine/entrance.ts";
import { UwsgiOutlet } from "./outlet.ts";
import { PacketError, PacketReader, type UwsgiPacket } from "./packet.ts";
import { toRequest } from "./request.ts";

/** What the connections of a listener have in common. */
interface UwsgiEntrance {
  readonly serve: Serve;
  readonly entrances: Readonly<Record<Scheme, Entrance>>;
  readonly idleTimeoutMs: number;
  /** A front that has closed its side waits for its reply; or else it has left, as its client has. */
  readonly halfOpen: boolean;
  /** Of a request's fields. */
  readonly maxBytes: number;
  readonly log: Logger;
}

export class UwsgiConnection implements Linked<UwsgiConnection> {
  before: UwsgiConnection | undefined;
  after: UwsgiConnection | undefined;
  readonly #socket: Socket;
  readonly #common: UwsgiEntrance;
  readonly #packet = new PacketReader();
  /** Undefined while the packet is read. */
  #outlet: UwsgiOutlet | undefined;
  /** Since when what comes is dropped. */
  #dropping: number | undefined;

  constructor(socket: Socket, common: UwsgiEntrance) {
    this.#socket = socket;
    this.#common = common;
    socket.allowHalfOpen = true; // "end" says what becomes of it
    socket
      .setTimeout(common.idleTimeoutMs, () => this.#idle())
      .on("data", (piece) => this.#receive(piece))
      .on("end", () => this.#endOfFront())
      .on("error", (error) =>
        common.log.debug({ err: error }, "a front server left"),
      );
  }

  /** The connection has ended. */
  closed(): void {
    this.#outlet?.leave();
  }

  /** The loop has ended: what has come of replies is still passed on, to a front that goes on reading. */
  finish(): void {
    if (this.#outlet === undefined) this.cut();
  }

  cut(): void {
    this.#socket.destroy();
  }

  #receive(piece: Buffer): void {
    if (this.#socket.writableFinished) this.#drop();
    else if (this.#outlet === undefined) this.#read(piece);
    else this.#outlet.receive(piece);
  }

  #read(piece: Buffer): void {
    try {
      const packet = this.#packet.push(piece);
      if (packet !== undefined) this.#serve(packet);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.#common.log.info(
        `refused a malformed uwsgi request: ${error.message}`,
      );
      this.#refuse("400 Bad Request");
    }
  }

  #serve({ variables, rest }: UwsgiPacket): void {
    const { serve, entrances, maxBytes } = this.#common;
    const { head, scheme, bodyLength } = toRequest(variables);
    let bytes = 0;
    for (const text of head.fields) bytes += text.length;
    if (bytes > maxBytes)
      return this.#refuse("431 Request Header Fields Too Large");
    this.#outlet = new UwsgiOutlet(this.#socket, bodyLength, rest);
    serve(head, this.#outlet, entrances[scheme]);
  }

  #refuse(status: string): void {
    this.#socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
  }

  /** Nothing more will come: of half a request there is nothing to wait for. */
  #endOfFront(): void {
    const isComplete =
      this.#outlet?.isReceived === true || this.#socket.writableEnded;
    if (!this.#common.halfOpen || !isComplete) this.#socket.destroy();
  }

  /** Silent for a while. While an application works, its own limits hold. */
  #idle(): void {
    const { writableEnded, writableLength } = this.#socket;
    const works = this.#outlet !== undefined && !this.#outlet.awaitsBody;
    if (writableEnded || writableLength > 0 || !works) this.#socket.destroy();
  }

  /**
   * What comes behind a reply. A socket that is closed with bytes it has not read is reset, and the reply may be lost
   * by that. So what the front still sends is read and dropped, until it closes or has had time enough to read.
   */
  #drop(): void {
    const now = performance.now();
    this.#dropping ??= now;
    if (now - this.#dropping > this.#common.idleTimeoutMs)
      this.#socket.destroy();
  }
}
