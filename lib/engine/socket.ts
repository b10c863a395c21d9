/** The seam for WebSockets (RFC 6455): what an engine makes of an upgraded connection. Types only. */
import type { Chunk, ReplyHead } from "./message.ts";

/** What an engine holds the sockets of one place to. Checked: some engines end the process at a bad value. */
export interface SocketLimits {
  /** Bytes of a message from the client; a longer one closes the connection with 1009. */
  readonly maxMessageBytes: number;
  /** Bytes that may wait for a client. Beyond them it is closed, or loses messages: see `slow`. */
  readonly maxBufferedBytes: number;
  readonly slow: "close" | "drop";
  /** Milliseconds of silence, pings among it, after which the client has left. 0: never. */
  readonly idleTimeoutMs: number;
  /** permessage-deflate (RFC 7692), where the client offers it. */
  readonly compress: boolean;
  /** Bytes from which a message is. */
  readonly compressFrom: number;
}

/** A path at which connections may be upgraded, as a pattern of the router. */
export interface SocketPlace {
  readonly pattern: string;
  readonly limits: SocketLimits;
}

/** What of a message an engine has taken: all of it, all but it waits for the client, or nothing. */
export type Sent = "sent" | "waits" | "dropped";

/** One side of a socket: the engine's. After `closed` nothing of it may be called. */
export interface SocketConnection {
  /** Bytes that wait for the client. */
  readonly bufferedBytes: number;
  send(message: Chunk, compress: boolean): Sent;
  /** Asks the client for a sign of life. */
  ping(): void;
  /** With a close frame. `closed` is called before this returns. */
  end(code: number, reason: string): void;
  /** Without one. Likewise. */
  cut(): void;
  /** Nothing more is read from the client. False: this engine cannot. */
  pause(): boolean;
  resume(): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

/** The other side: who gets what comes. */
export interface SocketEvents {
  opened(connection: SocketConnection): void;
  /** `data` is the engine's: copy it. */
  received(data: ArrayBuffer | Uint8Array, isBinary: boolean): void;
  /** The client has taken some of what waited. */
  drained(): void;
  /** The client has given a sign of life: the answer to a ping of whoever's. */
  ponged(): void;
  /** A message was dropped, as too much waits for the client. */
  dropped(): void;
  /** Once, whoever has closed it. 1005: without a code; 1006: without a close frame. */
  closed(code: number, reason: string): void;
}

/** How an upgrade is answered. */
export interface Accept {
  readonly head: ReplyHead;
  /** One of those that the client has offered; empty for none. */
  readonly protocol: string;
  readonly limits: SocketLimits;
  readonly events: SocketEvents;
}
