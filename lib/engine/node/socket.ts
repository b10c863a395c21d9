/** WebSockets on Node's streams, by the package `ws`: one connection. */
import type { WebSocket } from "ws";
import type { Chunk } from "../engine.ts";
import { SocketHold } from "../hold.ts";
import type {
  SocketConnection,
  SocketEvents,
  SocketLimits,
  Sent,
} from "../socket.ts";
import type { Topics } from "./topics.ts";

/** Of 1006: the connection was closed without a close frame. */
const ABNORMAL = 1006;

export class NodeSocket implements SocketConnection {
  readonly #ws: WebSocket;
  readonly #limits: SocketLimits;
  readonly #events: SocketEvents;
  readonly #all: Topics;
  readonly #topics = new Set<string>();
  readonly #hold: SocketHold;
  readonly #timer: NodeJS.Timeout | undefined;
  /** How many halves of the idle time have passed without a sign of the client. */
  #silentFor = 0;
  #isOpen = true;

  constructor(
    ws: WebSocket,
    limits: SocketLimits,
    events: SocketEvents,
    topics: Topics,
  ) {
    this.#ws = ws;
    this.#limits = limits;
    this.#events = events;
    this.#all = topics;
    this.#hold = new SocketHold(ws);
    const halfMs = limits.idleTimeoutMs / 2;
    if (halfMs > 0) this.#timer = setInterval(() => this.#look(), halfMs);
    const heard = (): void => void (this.#silentFor = 0);
    ws.on("message", (data: Buffer, isBinary) => {
      heard();
      if (this.#isOpen) events.received(data, isBinary);
    })
      .on("ping", heard)
      .on("pong", () => {
        heard();
        if (this.#isOpen) events.ponged();
      })
      .on("error", () => {}) // of a client that breaks the protocol; "close" tells
      .on("close", (code, reason) => this.#closed(code, reason.toString()));
  }

  /** Of each message, as the stream says "drain" only of what it could not write at once, and `ws` compresses some. */
  readonly #sent = (): void => {
    if (this.#isOpen) this.#events.drained();
  };

  #look(): void {
    if (this.#hold.holds) return; // its pongs are not read
    if (++this.#silentFor > 2) this.cut();
    else this.#ws.ping();
  }

  #closed(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearInterval(this.#timer);
    this.#hold.forget();
    for (const topic of this.#topics) this.#all.unsubscribe(topic, this);
    this.#events.closed(code, reason);
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** Copied, as `ws` is not done with it when the client is behind. */
  send(message: Chunk, compress: boolean): Sent {
    if (this.bufferedBytes > this.#limits.maxBufferedBytes) return this.#drop();
    const data = typeof message === "string" ? message : Buffer.from(message);
    this.#ws.send(data, { compress }, this.#sent);
    return this.bufferedBytes === 0 ? "sent" : "waits";
  }

  #drop(): Sent {
    this.#events.dropped();
    if (this.#limits.slow === "close") this.cut();
    return "dropped";
  }

  ping(): void {
    this.#ws.ping();
  }

  /** The rest is between `ws` and the client. */
  end(code: number, reason: string): void {
    this.#hold.release();
    this.#ws.close(code, reason);
    this.#closed(code, reason);
  }

  cut(): void {
    this.#ws.terminate();
    this.#closed(ABNORMAL, "");
  }

  pause(): boolean {
    this.#hold.hold();
    return true;
  }

  resume(): void {
    this.#hold.release();
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
    this.#all.subscribe(topic, this);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    this.#all.unsubscribe(topic, this);
  }
}
