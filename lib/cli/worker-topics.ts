/** Topics between the workers of a command, as a worker sees them: the supervisor is its loops' broker. */
import type { Future } from "effection";
import type { Broker, BrokerEvents, Link } from "../brokers/broker.ts";
import { bytesOf, Outbox } from "../brokers/outbox.ts";
import { BrokerError } from "../common/errors.ts";
import type { Chunk } from "../engine/message.ts";
import { future } from "../operations/future.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Over the channel that Node has to the supervisor. */
export class WorkerTopics implements Broker {
  readonly name = "the supervisor";
  /** By topic, the loops of this process that have sockets for it: nearly always there is one loop. */
  readonly #loops = new Map<string, Set<BrokerEvents>>();
  readonly #outbox = new Outbox();

  constructor() {
    process.on("message", (message: ToWorker) => {
      if (message.type !== "published") return;
      for (const events of this.#loops.get(message.topic) ?? [])
        events.received(message.topic, message.message);
    });
  }

  async open(events: BrokerEvents): Promise<Link> {
    return {
      publish: (topic, message) => this.#publish(topic, message, events),
      subscribe: (topic) => this.#subscribe(topic, events),
      unsubscribe: (topic) => this.#unsubscribe(topic, events),
      close: async () => {
        for (const topic of this.#loops.keys())
          this.#unsubscribe(topic, events);
        await this.#outbox.emptied();
      },
    };
  }

  #publish(
    topic: string,
    message: Chunk,
    events: BrokerEvents,
  ): Future<void> | undefined {
    const bytes = bytesOf(topic, message);
    if (!process.connected || !this.#outbox.take(bytes)) {
      const why = process.connected ? "is behind" : "is gone";
      events.lost(1, why);
      return future(Promise.reject(new BrokerError(this.name, why)));
    }
    this.#tell({ type: "publish", topic, message }, () =>
      this.#outbox.release(bytes),
    );
    return this.#outbox.isFilling ? future(this.#outbox.emptied()) : undefined;
  }

  #subscribe(topic: string, events: BrokerEvents): void {
    const loops = this.#loops.get(topic) ?? new Set();
    this.#loops.set(topic, loops.add(events));
    if (loops.size === 1) this.#tell({ type: "subscribe", topic });
  }

  #unsubscribe(topic: string, events: BrokerEvents): void {
    const loops = this.#loops.get(topic);
    if (loops?.delete(events) !== true || loops.size > 0) return;
    this.#loops.delete(topic);
    this.#tell({ type: "unsubscribe", topic });
  }

  /** `sent`: it is out, or cannot be any more. */
  #tell(message: FromWorker, sent: () => void = () => {}): void {
    if (process.connected) process.send!(message, undefined, {}, sent);
  }
}
