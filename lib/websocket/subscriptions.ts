/** To which topics the sockets of a place have subscribed, and what can be one. */
import { UsageError } from "../common/errors.ts";

/** Who brings messages here from elsewhere. */
export interface Bringer {
  /** The first socket of a loop has subscribed. */
  subscribe(topic: string): void;
  /** The last one has left. */
  unsubscribe(topic: string): void;
}

/** How many sockets each topic has. */
export class Subscriptions {
  readonly #sockets = new Map<string, number>();

  of(topic: string): number {
    return this.#sockets.get(topic) ?? 0;
  }

  add(topic: string): void {
    this.#sockets.set(topic, this.of(topic) + 1);
  }

  remove(topic: string): void {
    const sockets = this.of(topic) - 1;
    if (sockets > 0) this.#sockets.set(topic, sockets);
    else this.#sockets.delete(topic);
  }
}

/** @throws {UsageError} for what is no text, which the engines take for different things. */
export function checkTopic(topic: string, call: string): void {
  if (typeof topic !== "string")
    throw new UsageError(
      `${call} takes text as a topic, such as "news", and no ${typeof topic}`,
    );
}
