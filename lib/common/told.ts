/** Counts what the log is to be told: at once, and then now and then, so that a flood of it is not one of the log. */
export class Told {
  readonly #quietMs: number;
  #at = -Infinity;
  #count = 0;

  /** `quietMs`: milliseconds between two times. */
  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /** One more. Gives how many there are to tell of, or 0 when it is not time. */
  next(): number {
    this.#count++;
    const now = performance.now();
    if (now - this.#at < this.#quietMs) return 0;
    this.#at = now;
    const count = this.#count;
    this.#count = 0;
    return count;
  }
}
