/** Readers of bodies that wait for their clients since this turn of the loop. */

interface Waiting {
  /** The turn is over. Whoever does not wait any more has nothing to do. */
  limitWait(): void;
}

/** Most bodies come in the packet of their head, within the turn: they are spared a timer. */
export class BodyWaits {
  #begun: Waiting[] = [];

  add(body: Waiting): void {
    if (this.#begun.push(body) === 1) setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    const begun = this.#begun;
    this.#begun = [];
    for (const body of begun) body.limitWait();
  }
}
