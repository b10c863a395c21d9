/** How often the log gets a line that comes again and again: at once, then now and then, with their number. */
export class LogThrottle {
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
