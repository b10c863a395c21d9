/** What brings topics to other processes and machines. Types only. */
import type { Future } from "effection";
import type { Chunk } from "../engine/message.ts";

/**
 * Where loops exchange what they publish: the option `topics` of a loop. `nats()` and `redis()` make one; so can you.
 *
 * A message arrives at most once: what is on its way when a connection breaks is lost, as is what is published while
 * there is none. Messages of one loop arrive in the order in which it published them.
 */
export interface Broker {
  /** What it is and where, for the log: without secrets. */
  readonly name: string;
  /**
   * The way of one loop to it. Done when it has tried to connect, whatever has come of it: it tries again by itself.
   *
   * @throws {UsageError} for what does not become right by waiting, such as a client that is not installed.
   */
  open(events: BrokerEvents): Promise<Link>;
}

/** What a link tells its loop. */
export interface BrokerEvents {
  /** Somebody else has published this. */
  received(topic: string, message: Chunk): void;
  /** What is published reaches the others, and what they publish comes. */
  connected(): void;
  /** From now on it does not; also when the first attempt to connect has failed. */
  disconnected(reason: string): void;
  /** The broker does not let this process subscribe to it. */
  refused(topic: string, reason: string): void;
  /** So many messages of this loop have not got to the others. */
  lost(count: number, reason: string): void;
}

/** The way of one loop to a broker. */
export interface Link {
  /**
   * To all others that have subscribed. Settles when the broker has it; undefined where there is nothing to wait for.
   * Rejects with a {@link BrokerError} when it has not got there.
   */
  publish(topic: string, message: Chunk): Future<void> | undefined;
  /** Once for each topic. It counts again after each reconnect. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Done when what was published is out, or cannot be any more. */
  close(): Promise<void>;
}
