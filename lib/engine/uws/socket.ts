/** WebSockets of uWebSockets.js: its behavior for one place, and one of its connections. */
import type { Chunk } from "../engine.ts";
import type { Entrance } from "../entrance.ts";
import type {
  Accept,
  SocketConnection,
  SocketEvents,
  SocketLimits,
  SocketPlace,
  Sent,
} from "../socket.ts";
import { offersDeflate, PERMESSAGE_DEFLATE } from "../deflate-offer.ts";
import { SocketHold } from "../hold.ts";
import {
  uws,
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_socket_context_t,
  type WebSocket,
  type WebSocketBehavior,
} from "./load.ts";

/** What the engine wants back to upgrade a connection. */
export interface Handshake {
  readonly key: string;
  readonly extensions: string;
  readonly context: us_socket_context_t;
  readonly app: TemplatedApp;
}

/** The engine copies what is its own in an object, and gives that back. */
interface UserData {
  readonly socket: UwsSocket;
}

/** A message finds its way without a call of the engine. */
interface Opened extends WebSocket<UserData> {
  events?: SocketEvents;
}

type Receive = (
  res: HttpResponse,
  req: HttpRequest,
  handshake: Handshake,
) => void;

/** Requests for an upgrade that come to one of the places, with a key; all others go the way of requests. */
export function receiveUpgrades(
  app: TemplatedApp,
  { pattern, limits }: SocketPlace,
  entrance: Entrance,
  receive: Receive,
): void {
  app.ws<UserData>(pattern, {
    ...optionsOf(limits),
    upgrade(res, req, context) {
      const key = req.getHeader("sec-websocket-key");
      const compress =
        limits.compress &&
        offersDeflate(req.getHeader("sec-websocket-extensions"));
      const extensions = compress ? PERMESSAGE_DEFLATE : "";
      receive(res, req, { key, extensions, context, app });
    },
    open(ws: Opened) {
      const { socket } = ws.getUserData();
      ws.events = socket.events;
      socket.opened(ws);
    },
    message(ws: Opened, data, isBinary) {
      ws.events!.received(data, isBinary);
    },
    drain: (ws) => void setImmediate(drained, ws.getUserData().socket),
    pong: (ws) => ws.getUserData().socket.events.ponged(),
    dropped: (ws) => ws.getUserData().socket.events.dropped(),
    close(ws, code, reason) {
      entrance.closed(); // the filter does not tell of the end of a connection that was upgraded
      ws.getUserData().socket.closed(code, Buffer.from(reason).toString());
    },
  });
}

function optionsOf(limits: SocketLimits): WebSocketBehavior<UserData> {
  return {
    maxPayloadLength: limits.maxMessageBytes,
    maxBackpressure: limits.maxBufferedBytes,
    closeOnBackpressureLimit: limits.slow === "close",
    idleTimeout: Math.ceil(limits.idleTimeoutMs / 1000),
    sendPingsAutomatically: true,
    compression: limits.compress ? uws.SHARED_COMPRESSOR : uws.DISABLED,
  };
}

/**
 * Behind the engine's call: what is written within it, and does not leave at once, is forgotten until something else is
 * written, because the engine then looks no more for when the connection takes some.
 */
const drained = ({ events }: UwsSocket): void => events.drained();

/** What the engine answers for a message: 0 is that it waits. */
const SENT: readonly Sent[] = ["waits", "sent", "dropped"];

export class UwsSocket implements SocketConnection {
  readonly events: SocketEvents;
  readonly app: TemplatedApp;
  readonly #limits: SocketLimits;
  /** Of the response that the connection was upgraded from. */
  readonly #response: Pausing;
  #ws!: WebSocket<UserData>;
  #hold: SocketHold | undefined;

  constructor(
    { events, limits }: Accept,
    app: TemplatedApp,
    res: HttpResponse,
  ) {
    this.events = events;
    this.#limits = limits;
    this.app = app;
    this.#response = Object.getPrototypeOf(res) as Pausing;
  }

  opened(ws: WebSocket<UserData>): void {
    this.#ws = ws;
    this.events.opened(this);
  }

  closed(code: number, reason: string): void {
    this.#hold?.forget();
    this.events.closed(code, reason);
  }

  get bufferedBytes(): number {
    return this.#ws.getBufferedAmount();
  }

  send(message: Chunk, compress: boolean): Sent {
    const isBinary = typeof message !== "string";
    return SENT[this.#ws.send(wellFormed(message), isBinary, compress)]!;
  }

  ping(): void {
    this.#ws.ping();
  }

  /** A connection that is held back would not hear its client end. */
  end(code: number, reason: string): void {
    this.#hold?.release();
    this.#ws.end(code, wellFormed(reason) as string);
  }

  cut(): void {
    this.#ws.close();
  }

  /**
   * The engine has it for requests alone, and says nowhere that it works here: `pause` and `resume` of a response touch
   * nothing but its connection. test/lib/engine/uws/socket.test.ts looks whether it is so.
   */
  pause(): boolean {
    const { pause, resume } = this.#response;
    if (pause === undefined || resume === undefined) return false;
    const ws = this.#ws;
    this.#hold ??= new SocketHold(
      {
        pause: () => pause.call(ws),
        resume: () => resume.call(ws),
        ping: () => ws.ping(),
      },
      this.#limits.idleTimeoutMs / 2 || Infinity,
    );
    this.#hold.hold();
    return true;
  }

  resume(): void {
    this.#hold?.release();
  }

  subscribe(topic: string): void {
    this.#ws.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#ws.unsubscribe(topic);
  }

  /** To all others of its app. */
  publish(
    topic: string,
    message: Chunk,
    isBinary: boolean,
    compress: boolean,
  ): void {
    this.#ws.publish(topic, message, isBinary, compress);
  }
}

/**
 * The engine writes half of a surrogate pair as it is, which no text may have (RFC 6455, section 5.6): its receiver
 * closes the connection. A text that is cut off between two halves is enough.
 */
export const wellFormed = (message: Chunk): Chunk =>
  typeof message !== "string" || message.isWellFormed()
    ? message
    : message.toWellFormed();

interface Pausing {
  readonly pause?: (this: unknown) => void;
  readonly resume?: (this: unknown) => void;
}
