/** How often workers have crashed lately: how long to wait before the next start, and when to give up. */

const WINDOW_MS = 10_000;
const GIVE_UP = 5;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;

export class Crashes {
  /** Times of those in a row. */
  #recent: number[] = [];
  /** A worker has lived long enough: from now on there is hope after every crash. */
  #settled = false;

  /** `livedMs`: how long the worker ran. */
  note(livedMs: number, now = Date.now()): void {
    if (livedMs >= WINDOW_MS) {
      this.#settled = true;
      this.#recent = [];
    }
    this.#recent.push(now);
  }

  /** At start, and again and again: it will not get better. */
  hopeless(now = Date.now()): boolean {
    const lately = this.#recent.filter((time) => now - time < WINDOW_MS);
    return !this.#settled && lately.length >= GIVE_UP;
  }

  /** Nothing for the first, then twice as long each time. */
  get waitMs(): number {
    const inARow = this.#recent.length;
    if (inARow <= 1) return 0;
    return Math.min(FIRST_WAIT_MS * 2 ** (inARow - 2), LONGEST_WAIT_MS);
  }
}
