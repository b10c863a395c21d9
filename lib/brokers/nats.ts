/** Topics by NATS, with its own client. */
import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import type { Broker } from "./broker.ts";
import { BrokerLink, type Incoming, type Wire } from "./link.ts";
import { locate, NATS } from "./location.ts";
import { brokerOptions, loadClient, type BrokerOptions } from "./options.ts";

export type { Broker, BrokerOptions };

/** Milliseconds; a connection that is silent for two of them has ended. */
const PING_MS = 10_000;

/**
 * A broker for the option `topics` of a loop: what is published there reaches the sockets of all loops at this NATS
 * that have subscribed. Needs the package `@nats-io/transport-node`.
 *
 * A message arrives at most once (NATS Core, not JetStream). While NATS is away, `await loop.publish()` rejects,
 * sockets stay open, and what is published reaches those of this process. All is subscribed to again when it is back. A
 * topic is the subject `eddy.` and its name, with spaces, `*`, `>`, `%` and empty tokens written as `%20` and so on.
 *
 * @param url - `nats://host:port`, with `user:password@` or `token@`; `tls://` for TLS. Several, or one text with
 * commas, are servers of one cluster.
 * @throws {UsageError} for a URL that is none, and a bad option; from `listen()`, when the client is not installed.
 *
 * @example
 * ```ts
 * import { Loop, upgrade } from "eddy";
 * import { nats } from "eddy/brokers/nats";
 *
 * const loop = new Loop({ topics: nats("nats://127.0.0.1:4222") });
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
export function nats(
  url: string | readonly string[],
  options: BrokerOptions = {},
): Broker {
  const { urls, name } = locate("nats()", url, NATS);
  const { prefix, maxOutboxBytes, client } = brokerOptions(
    options,
    "nats()",
    "eddy.",
  );
  const connection = {
    servers: urls.map(({ host }) => host),
    ...credentials(urls[0]!),
    ...(urls[0]!.protocol === "tls:" && { tls: {} }),
    reconnect: false, // the link does
    noEcho: true,
    pingInterval: PING_MS,
    maxPingOut: 1,
    timeout: 5000,
    ...client,
  };
  return {
    name,
    async open(events) {
      const { connect } = await loadClient(
        "@nats-io/transport-node",
        () => import("@nats-io/transport-node"),
        "nats()",
      );
      const link = new BrokerLink(
        name,
        async (incoming) => wire(await connect(connection), prefix, incoming),
        events,
        maxOutboxBytes,
      );
      await link.attempted;
      return link;
    },
  };
}

function credentials({ username, password }: URL): object {
  if (username === "") return {};
  const user = decodeURIComponent(username);
  return password === ""
    ? { token: user }
    : { user, pass: decodeURIComponent(password) };
}

function wire(
  connection: NatsConnection,
  prefix: string,
  incoming: Incoming,
): Wire {
  const subscriptions = new Map<string, Subscription>();
  const subjectOf = (topic: string): string => prefix + escaped(topic);
  return {
    publish(topic, sealed) {
      connection.publish(subjectOf(topic), sealed);
    },
    subscribe(topic) {
      const callback: NonNullable<
        NonNullable<Parameters<NatsConnection["subscribe"]>[1]>["callback"]
      > = (error, message) =>
        error === null
          ? incoming.received(topic, message.data)
          : incoming.refused(topic, error.message);
      subscriptions.set(
        topic,
        connection.subscribe(subjectOf(topic), { callback }),
      );
    },
    unsubscribe(topic) {
      subscriptions.get(topic)?.unsubscribe();
      subscriptions.delete(topic);
    },
    flush: () => connection.flush(),
    closed: connection
      .closed()
      .then((error) => error?.message || "the connection was closed"),
    close: () => void connection.close(),
  };
}

/** No two topics have the same. A token between dots may not be empty, nor have in it what means something at NATS. */
const escaped = (topic: string): string =>
  topic === "" ? "%" : topic.replace(UNFIT, asEscape);

// oxlint-disable-next-line no-control-regex -- they are what a subject cannot have
const UNFIT = /[\x00-\x20*>%\x7f]|^\.|\.$|\.(?=\.)/g;

const asEscape = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
