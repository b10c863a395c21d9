/** To which topics the sockets of a loop have subscribed, for whoever brings messages here from elsewhere. */

/** Who is told. */
interface Bringer {
  /** The first socket has subscribed. */
  subscribe(topic: string): void;
  /** The last one has left. */
  unsubscribe(topic: string): void;
}

export class Subscriptions {
  readonly #sockets = new Map<string, number>();
  readonly #bringer: Bringer;

  constructor(bringer: Bringer) {
    this.#bringer = bringer;
  }

  add(topic: string): void {
    const sockets = this.#sockets.get(topic) ?? 0;
    this.#sockets.set(topic, sockets + 1);
    if (sockets === 0) this.#bringer.subscribe(topic);
  }

  remove(topic: string): void {
    const sockets = this.#sockets.get(topic)! - 1;
    if (sockets > 0) return void this.#sockets.set(topic, sockets);
    this.#sockets.delete(topic);
    this.#bringer.unsubscribe(topic);
  }
}
