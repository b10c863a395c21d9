/** How workers have crashed lately: how long to wait before the next start, and when to give up. */
import { backoffMs } from "../common/replacement.ts";
import { INTERVALS } from "./intervals.ts";

const WINDOW_MS = 10_000;
const GIVE_UP = 5;
const BACKOFF_MS = { first: INTERVALS.firstRestartMs, last: 10_000 };

export class Crashes {
  /** Times of those in a row. */
  #recent: number[] = [];
  /** When the first worker was ready. */
  #servedSince = Infinity;

  /** A worker is ready. */
  served(now = Date.now()): void {
    this.#servedSince = Math.min(this.#servedSince, now);
  }

  get everServed(): boolean {
    return this.#servedSince < Infinity;
  }

  /** `servedMs`: how long the worker was ready; one that takes long to fail has not lived. */
  note(servedMs: number, now = Date.now()): void {
    if (servedMs >= WINDOW_MS) this.#recent = [];
    this.#recent.push(now);
  }

  /**
   * Workers have crashed too often, too soon after the start. While none has ever served, that is the start, however
   * long it takes.
   */
  get hopeless(): boolean {
    const last = this.#recent.at(-1);
    const first = this.#recent.at(-GIVE_UP);
    if (last === undefined || first === undefined) return false;
    if (!this.everServed) return true;
    return last - Math.min(first, this.#servedSince) < WINDOW_MS;
  }

  /** Nothing for the first, then twice as long each time. */
  get waitMs(): number {
    return backoffMs(BACKOFF_MS, this.#recent.length - 1);
  }
}
