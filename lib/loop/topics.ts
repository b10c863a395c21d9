/** What a loop publishes: to its own sockets, and by its broker to those of other processes, whose messages come in. */
import type { Broker, BrokerEvents, Link } from "../brokers/broker.ts";
import { BrokerError } from "../common/errors.ts";
import type { Logger } from "../common/log.ts";
import { LogThrottle } from "../common/log-throttle.ts";
import type { Chunk, Listener } from "../engine/engine.ts";
import type { SocketPlace } from "../engine/socket.ts";
import type { Shared } from "../exchange/shared.ts";
import { DONE, future } from "../operations/future.ts";
import type { Channel } from "../websocket/channel.ts";
import type { Sending } from "../websocket/sending.ts";
import {
  checkMessage,
  subscriberOf,
  type Socket,
} from "../websocket/socket.ts";
import type { Sockets } from "../websocket/sockets.ts";
import { checkTopic } from "../websocket/subscriptions.ts";

export class Topics {
  readonly #listeners: readonly Listener[];
  readonly #places: readonly SocketPlace[];
  /** Bytes from which a message is compressed: the engine uws has one answer for all places. */
  #compressFrom = Infinity;
  readonly #sockets: Sockets;
  readonly #log: Logger;
  /** Undefined: what is published stays in this process. */
  readonly #broker: Broker | undefined;
  readonly #lostLines = new LogThrottle(1000);
  /** The log says that there is no connection to it. */
  #isAway = false;
  #link: Promise<Link> | undefined;
  #opened: Link | undefined;

  /** `listeners` and `places`: there may be more later. */
  constructor(
    { shared: { sockets, log } }: { shared: Pick<Shared, "sockets" | "log"> },
    listeners: readonly Listener[],
    places: readonly SocketPlace[],
    broker: Broker | undefined,
  ) {
    this.#listeners = listeners;
    this.#places = places;
    this.#sockets = sockets;
    this.#log = log;
    this.#broker = broker;
    if (broker !== undefined)
      sockets.bringer = {
        subscribe: (topic) => this.#opened?.subscribe(topic),
        unsubscribe: (topic) => this.#opened?.unsubscribe(topic),
      };
  }

  /** Before there are sockets. @throws {UsageError} as `Broker.open`. */
  async open(): Promise<void> {
    const limits = this.#places.map((place) => place.limits);
    const compressing = limits.filter(({ compress }) => compress);
    this.#compressFrom = Math.min(
      ...compressing.map(({ compressFrom }) => compressFrom),
    );
    if (this.#broker === undefined) return;
    this.#link ??= this.#broker.open(this.#events);
    try {
      this.#opened = await this.#link;
    } catch (error) {
      this.#link = undefined;
      throw error;
    }
  }

  /** @throws {UsageError} for a topic that is no text, and a message that is neither text nor bytes. */
  publish(topic: string, message: Chunk, except: Socket | undefined): Sending {
    checkTopic(topic, "publish()");
    checkMessage(message, "publish()");
    this.#deliver(topic, message, except && subscriberOf(except, topic));
    if (this.#broker === undefined) return DONE;
    if (this.#opened !== undefined)
      return this.#opened.publish(topic, message) ?? DONE;
    const error = new BrokerError(this.#broker.name, "is not open");
    return future(Promise.reject(error));
  }

  #deliver(topic: string, message: Chunk, except: Channel | undefined): void {
    this.#sockets.published(topic, message, except);
    const compress = message.length >= this.#compressFrom;
    for (const listener of this.#listeners)
      listener.publish?.(topic, message, compress, except?.connection);
  }

  async close(): Promise<void> {
    const link = this.#opened;
    this.#opened = this.#link = undefined;
    await link?.close();
  }

  readonly #events: BrokerEvents = {
    received: (topic, message) => this.#deliver(topic, message, undefined),
    connected: () => {
      const { name } = this.#broker!;
      if (this.#isAway) this.#log.info(`topics: ${name} is there again`);
      this.#isAway = false;
    },
    disconnected: (reason) => {
      this.#isAway = true;
      this.#log.error(
        `topics: there is no connection to ${this.#broker!.name} (${reason}); ` +
          "until it is back, what is published reaches the sockets of this process alone",
      );
    },
    refused: (topic, reason) =>
      this.#log.error(
        `topics: ${this.#broker!.name} lets nobody subscribe to "${topic}" here: ${reason}`,
      ),
    lost: (count, reason) => {
      this.#sockets.lost += count;
      if (this.#isAway) return; // which is said
      const messages = this.#lostLines.next();
      if (messages > 0)
        this.#log.warn(
          { lost: this.#sockets.lost },
          `topics: messages have not got to other processes: ${this.#broker!.name} ${reason}`,
        );
    },
  };
}
