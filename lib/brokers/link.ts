/**
 * The way to a broker, over one connection after the other: what every broker's client would do otherwise, each in its
 * own way. While there is no connection, nothing is kept: what is published is refused, and said to be.
 *
 *     dial ──► connected: all topics are subscribed to, what is published goes out ──► closed ──► wait, dial
 */
import { setImmediate, setTimeout as pass } from "node:timers/promises";
import type { Future } from "effection";
import { BrokerError } from "../common/errors.ts";
import type { Chunk } from "../engine/message.ts";
import { future } from "../operations/future.ts";
import type { BrokerEvents, Link } from "./broker.ts";
import { newSender, seal, unseal } from "./envelope.ts";
import { Outbox } from "./outbox.ts";

/** One connection of a broker's client. */
export interface Wire {
  /** @throws {Error} for a message that the broker would not take. */
  publish(topic: string, sealed: Buffer): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Resolves when the broker has all that was published; rejects when it has refused some. */
  flush(): Promise<unknown>;
  /** Resolves with the reason when it has come to its end, whoever ended it. */
  readonly closed: Promise<string>;
  close(): void;
}

/** What comes over it. */
export interface Incoming {
  received(topic: string, sealed: Uint8Array): void;
  /** The broker does not let this process subscribe. */
  refused(topic: string, reason: string): void;
}

/** Connects once. @throws {Error} saying why there is no connection. */
type Dial = (incoming: Incoming) => Promise<Wire>;

/** Milliseconds to the next attempt: from, to. Each waits half as long again as the one before. */
const RETRY_MS = [100, 2000] as const;

/** Milliseconds that the end waits for what is on its way. */
const LAST_WORDS_MS = 2000;

/** What was published in one turn of the loop: all of it arrives, or nobody knows. */
interface Round {
  messages: number;
  bytes: number;
  done: Future<void>;
  /** The connection has come to its end. */
  fail(error: Error): void;
}

export class BrokerLink implements Link {
  readonly #name: string;
  readonly #dial: Dial;
  readonly #events: BrokerEvents;
  readonly #outbox: Outbox;
  readonly #sender = newSender();
  readonly #topics = new Set<string>();
  readonly #ending = new AbortController();
  readonly #ended: Promise<void>;
  readonly #rounds = new Set<Round>();
  #wire: Wire | undefined;
  /** That of this turn. */
  #round: Round | undefined;

  #attempted!: () => void;
  readonly #first = new Promise<void>((resolve) => (this.#attempted = resolve));

  constructor(
    name: string,
    dial: Dial,
    events: BrokerEvents,
    maxOutboxBytes: number,
  ) {
    this.#name = name;
    this.#dial = dial;
    this.#events = events;
    this.#outbox = new Outbox(maxOutboxBytes);
    this.#ended = this.#live();
  }

  /** Done when the first attempt to connect is over, whatever has come of it. */
  get attempted(): Promise<void> {
    return this.#first;
  }

  publish(topic: string, message: Chunk): Future<void> {
    const wire = this.#wire;
    if (wire === undefined) return this.#refuse("is not connected");
    const sealed = seal(this.#sender, message);
    if (!this.#outbox.take(sealed.length)) return this.#refuse("is behind");
    try {
      wire.publish(topic, sealed);
    } catch (cause) {
      this.#outbox.release(sealed.length);
      return this.#refuse(`refuses it: ${(cause as Error).message}`);
    }
    const round = (this.#round ??= this.#newRound(wire));
    round.messages++;
    round.bytes += sealed.length;
    return round.done;
  }

  #refuse(why: string): Future<void> {
    this.#events.lost(1, why);
    return future(Promise.reject(new BrokerError(this.#name, why)));
  }

  #newRound(wire: Wire): Round {
    const round = { messages: 0, bytes: 0 } as Round;
    const failed = new Promise<never>((_, reject) => (round.fail = reject));
    round.done = future(this.#settle(round, wire, failed));
    this.#rounds.add(round);
    return round;
  }

  async #settle(
    round: Round,
    wire: Wire,
    failed: Promise<never>,
  ): Promise<void> {
    try {
      await Promise.race([setImmediate(), failed]); // with whatever else this turn publishes
      this.#round = undefined;
      await Promise.race([wire.flush(), failed]);
    } catch (cause) {
      this.#round = undefined;
      const why = `did not take it: ${(cause as Error).message}`;
      this.#events.lost(round.messages, why);
      throw new BrokerError(this.#name, why);
    } finally {
      this.#rounds.delete(round);
      this.#outbox.release(round.bytes);
    }
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
    this.#wire?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    this.#wire?.unsubscribe(topic);
  }

  async close(): Promise<void> {
    const limit = AbortSignal.timeout(LAST_WORDS_MS);
    const late = new Promise((resolve) =>
      limit.addEventListener("abort", resolve, { once: true }),
    );
    const rounds = [...this.#rounds].map(({ done }) => done);
    await Promise.race([Promise.allSettled(rounds), late]);
    this.#ending.abort();
    this.#wire?.close();
    await this.#ended;
  }

  async #live(): Promise<void> {
    const { signal } = this.#ending;
    let attempts = 0;
    while (!signal.aborted) {
      const reason = await this.#connect(() => (attempts = 0));
      if (signal.aborted) return;
      if (attempts === 0) this.#events.disconnected(reason);
      this.#attempted();
      const ms = Math.min(RETRY_MS[0] * 1.5 ** attempts++, RETRY_MS[1]);
      await pass(ms, undefined, { signal }).catch(() => {}); // ended meanwhile
    }
  }

  /** The reason why there is no connection, or none any more. */
  async #connect(connected: () => void): Promise<string> {
    let wire: Wire;
    try {
      wire = await this.#dial(this.#incoming);
    } catch (error) {
      return (error as Error).message;
    }
    if (this.#ending.signal.aborted) wire.close();
    else {
      for (const topic of this.#topics) wire.subscribe(topic);
      this.#wire = wire;
      connected();
      this.#events.connected();
      this.#attempted();
    }
    const reason = await wire.closed;
    this.#wire = undefined;
    for (const round of this.#rounds) round.fail(new Error(reason));
    return reason;
  }

  readonly #incoming: Incoming = {
    received: (topic, sealed) => {
      const message = unseal(sealed, this.#sender);
      if (message !== undefined && this.#topics.has(topic))
        this.#events.received(topic, message);
    },
    refused: (topic, reason) => this.#events.refused(topic, reason),
  };
}
