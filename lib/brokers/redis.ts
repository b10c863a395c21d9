/** Topics by Redis (or what speaks its protocol, such as Valkey), with the client ioredis. */
import type { Redis } from "ioredis";
import type { Broker } from "./broker.ts";
import { BrokerLink, type Incoming, type Wire } from "./link.ts";
import { locate, REDIS } from "./location.ts";
import { brokerOptions, loadClient, type BrokerOptions } from "./options.ts";

export type { Broker, BrokerOptions };

/** Milliseconds; a connection that does not answer for two of them has ended. */
const PING_MS = 10_000;

/**
 * A broker for the option `topics` of a loop: what is published there reaches the sockets of all loops at this Redis
 * that have subscribed. Needs the package `ioredis`.
 *
 * A message arrives at most once. While Redis is away, `await loop.publish()` rejects, sockets stay open, and what is
 * published reaches those of this process. All is subscribed to again when it is back. A topic is the channel `eddy:`
 * and its name. A loop has two connections, as Redis wants it.
 *
 * @param url - `redis://host:port`, with `user:password@` or `:password@`; `rediss://` for TLS.
 * @throws {UsageError} for a URL that is none, and a bad option; from `listen()`, when the client is not installed.
 *
 * @example
 * ```ts
 * import { Loop, upgrade } from "eddy";
 * import { redis } from "eddy/brokers/redis";
 *
 * const loop = new Loop({ topics: redis("redis://127.0.0.1:6379") });
 * loop.websocket(
 *   "/news",
 *   upgrade(async (socket) => {
 *     socket.subscribe("news");
 *     for await (const message of socket) await loop.publish("news", message);
 *   }),
 * );
 * await loop.listen(8000);
 * ```
 */
export function redis(url: string, options: BrokerOptions = {}): Broker {
  const { urls, name } = locate("redis()", [url], REDIS);
  const { prefix, maxOutboxBytes, client } = brokerOptions(
    options,
    "redis()",
    "eddy:",
  );
  const connection = {
    retryStrategy: () => null, // the link does
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    lazyConnect: true,
    connectTimeout: 5000,
    socketTimeout: PING_MS,
    ...client,
  };
  return {
    name,
    async open(events) {
      const { Redis } = await loadClient(
        "ioredis",
        () => import("ioredis"),
        "redis()",
      );
      const make = (): Redis => new Redis(urls[0]!.href, connection);
      const link = new BrokerLink(
        name,
        (incoming) => dial(make(), make(), prefix, incoming),
        events,
        maxOutboxBytes,
      );
      await link.attempted;
      return link;
    },
  };
}

/** Both connections, which end together. */
async function dial(
  publisher: Redis,
  subscriber: Redis,
  prefix: string,
  incoming: Incoming,
): Promise<Wire> {
  const both = [publisher, subscriber];
  const closed = firstEnd(both);
  try {
    await Promise.all(both.map((client) => client.connect()));
  } catch (error) {
    for (const client of both) client.disconnect();
    throw new Error(await closed, { cause: error });
  }
  return new RedisWire(publisher, subscriber, prefix, incoming, closed);
}

/** Resolves with the reason. One of them alone is of no use. */
function firstEnd(both: readonly Redis[]): Promise<string> {
  let reason = "the connection was closed";
  return new Promise((resolve) => {
    for (const client of both)
      client
        .on("error", ({ message }: Error) => (reason = message || reason))
        .on("end", () => {
          for (const other of both) other.disconnect();
          resolve(reason);
        });
  });
}

class RedisWire implements Wire {
  readonly closed: Promise<string>;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #prefix: string;
  readonly #incoming: Incoming;
  #replies: Promise<unknown>[] = [];

  constructor(
    publisher: Redis,
    subscriber: Redis,
    prefix: string,
    incoming: Incoming,
    closed: Promise<string>,
  ) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#prefix = prefix;
    this.#incoming = incoming;
    subscriber.on("messageBuffer", (channel: Buffer, sealed: Buffer) =>
      incoming.received(channel.toString().slice(prefix.length), sealed),
    );
    const pings = setInterval(() => {
      for (const client of [publisher, subscriber]) client.ping().catch(ended);
    }, PING_MS);
    this.closed = closed.finally(() => clearInterval(pings));
  }

  publish(topic: string, sealed: Buffer): void {
    const reply = this.#publisher.publish(this.#prefix + topic, sealed);
    reply.catch(ended); // `flush` has it
    this.#replies.push(reply);
  }

  subscribe(topic: string): void {
    this.#subscriber.subscribe(this.#prefix + topic).catch((error: Error) => {
      if (this.#subscriber.status === "ready")
        this.#incoming.refused(topic, error.message);
    });
  }

  unsubscribe(topic: string): void {
    this.#subscriber.unsubscribe(this.#prefix + topic).catch(ended);
  }

  async flush(): Promise<void> {
    const replies = this.#replies;
    this.#replies = [];
    await Promise.all(replies);
  }

  close(): void {
    this.#publisher.disconnect();
    this.#subscriber.disconnect();
  }
}

/** With its connection, which says so itself. */
const ended = (): void => {};
