/** One WebSocket, as its handler sees it. */
import { isAnyArrayBuffer, isUint8Array } from "node:util/types";
import type { Stream } from "effection";
import { SocketClosedError, UsageError } from "../common/errors.ts";
import type { Chunk } from "../engine/engine.ts";
import { DONE } from "../operations/future.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Channel, Close } from "./channel.ts";
import { bytesOf } from "./counts.ts";
import { Messages, Reading, type Message } from "./reading.ts";
import type { Sending } from "./sending.ts";
import { checkTopic } from "./subscriptions.ts";

/** Known to all copies of eddy in a process: `asWs()` of one may get a socket of another's. */
const CHANNEL = Symbol.for("eddy:channel");

/** Has the client's answers to pings told. */
export function tellPongs(socket: Socket, tell: () => void): void {
  (socket[CHANNEL] as Channel).onPong = tell;
}

/**
 * Its side towards the engine. Undefined where it does not get what is published at the topic.
 *
 * @throws {UsageError} for what is no socket.
 */
export function subscriberOf(
  socket: Socket,
  topic: string,
): Channel | undefined {
  const channel = socket[CHANNEL] as Channel | undefined;
  if (channel === undefined)
    throw new UsageError("publish() takes a socket as `except`");
  return channel.topics.has(topic) ? channel : undefined;
}

/** @throws {UsageError} for what is neither text nor bytes, which the engines take for different things. */
export function checkMessage(message: Chunk, call: string): void {
  if (typeof message === "string" || isUint8Array(message)) return;
  if (isAnyArrayBuffer(message)) return;
  throw new UsageError(
    `${call} takes a string or bytes (Uint8Array) as a message, and no ${message === null ? "null" : typeof message}; JSON.stringify makes a string of an object`,
  );
}

/**
 * A WebSocket connection. `receive()` gives what comes, and so do `for await` and, in an operation, effection's `each`;
 * `send()` waits for a client that is behind.
 *
 * After the connection has closed, `closed` says how, `receive()` gives what has come before and then `undefined`,
 * loops end, and `send()` throws.
 *
 * @example
 * ```ts
 * import { Loop, upgrade } from "eddy";
 * import { each } from "eddy/operations";
 *
 * const echo = upgrade(function* (socket) {
 *   for (const message of yield* each(socket)) {
 *     yield* socket.send(message);
 *     yield* each.next();
 *   }
 * });
 * await new Loop().websocket("/echo", echo).listen(8000);
 * ```
 */
export class Socket implements AsyncIterable<Message>, Stream<Message, void> {
  /** The request that was upgraded. Its exchange is over; what it says can still be read. */
  readonly request: GatewayRequest;
  /** What was agreed upon; empty for none. */
  readonly protocol: string;
  readonly #channel: Channel;
  readonly #reading: Reading;

  constructor(request: GatewayRequest, protocol: string, channel: Channel) {
    this.request = request;
    this.protocol = protocol;
    this.#channel = channel;
    this.#reading = new Reading(channel);
  }

  /** For eddy itself. */
  get [CHANNEL](): unknown {
    return this.#channel;
  }

  /** How the connection was closed; undefined while it is open. */
  get closed(): Close | undefined {
    return this.#channel.close;
  }

  /** Bytes that wait for the client. */
  get bufferedBytes(): number {
    return this.#channel.close === undefined
      ? this.#channel.connection!.bufferedBytes
      : 0;
  }

  /**
   * Waits for the next message: text as a string, binary as bytes of its own. `undefined` once the connection has
   * closed and all that had come is taken. `yield*` or `await` it.
   *
   * While more than `maxQueuedBytes` wait here, nothing is read from the client.
   */
  receive(): Reading {
    return this.#reading;
  }

  /** As a stream of effection: `yield* each(socket)`. Each message goes to one reader. */
  *[Symbol.iterator](): Generator<never, Messages> {
    return new Messages(this.#channel);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void> {
    for (;;) {
      const message = await this.receive();
      if (message === undefined) return;
      yield message;
    }
  }

  /**
   * Sends a message: a string as text, bytes as binary. What it gives is passed at once while less than `highWaterMark`
   * waits for the client; above it waits until the client has taken some. `yield*` or `await` it: that is the
   * back-pressure. Whoever does not wait fills the memory up to `maxBufferedBytes`.
   *
   * @throws {SocketClosedError} once the connection has closed, also while it waits.
   * @throws {UsageError} for what is neither text nor bytes.
   */
  send(message: Chunk): Sending {
    checkMessage(message, "send()");
    if (this.#channel.close !== undefined)
      throw new SocketClosedError(this.#channel.close);
    const { settings, counts } = this.#channel.owner;
    const compress =
      settings.compress && message.length >= settings.compressFrom;
    const connection = this.#channel.connection!;
    const sent = connection.send(message, compress);
    counts.sent++;
    counts.sentBytes += bytesOf(message);
    if (sent === "sent") return DONE;
    if (
      sent === "dropped" ||
      connection.bufferedBytes <= settings.highWaterMark
    )
      return DONE;
    return this.#channel.untilTaken();
  }

  /**
   * Closes the connection: with 1000, or a code of the application's, from 3000 to 4999.
   *
   * @throws {UsageError} for a code that may not be sent, and for a reason of more than 123 bytes.
   */
  close(code = 1000, reason = ""): void {
    if (!isSendable(code))
      throw new UsageError(
        `${code} is not a code to close with; take 1000, or one from 3000 to 4999`,
      );
    if (Buffer.byteLength(reason) > 123)
      throw new UsageError("a reason has at most 123 bytes");
    if (this.#channel.close === undefined)
      this.#channel.connection!.end(code, reason);
  }

  /** Cuts the connection, without a word. */
  terminate(): void {
    if (this.#channel.close === undefined) this.#channel.connection!.cut();
  }

  /** Asks the client for a sign of life, which puts off `idleTimeoutMs`. The engine does so by itself in time. */
  ping(): void {
    if (this.#channel.close === undefined) this.#channel.connection!.ping();
  }

  /**
   * From now on it gets what is published at the topic, until it has closed.
   *
   * @throws {UsageError} for a topic that is no text.
   */
  subscribe(topic: string): void {
    checkTopic(topic, "subscribe()");
    if (this.#channel.close === undefined) this.#channel.subscribe(topic);
  }

  /** @throws {UsageError} as `subscribe`. */
  unsubscribe(topic: string): void {
    checkTopic(topic, "unsubscribe()");
    if (this.#channel.close === undefined) this.#channel.unsubscribe(topic);
  }
}

/** RFC 6455, section 7.4: 1005, 1006 and 1015 are never sent, and 1004 has no meaning. */
const isSendable = (code: number): boolean =>
  Number.isInteger(code) &&
  ((code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
    (code >= 3000 && code <= 4999));
