/** How fast a thread is, and whether it does anything at all. */
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path

/**
 * The most requests that a thread is given ahead, and how much time they may take together, as those behind should
 * not wait for long. Both are twice what a worker holds back, so that it has requests left while replies are on their
 * way and new requests come.
 */
const MAX_DEPTH = 32;
const AHEAD_MS = 4;

export class Throughput {
  /** Average time from the end of one request to that of the next. */
  #requestMs = 1;
  #lastProgress = 0;

  /** Requests that the thread can have at a time. */
  get depth(): number {
    const fitting = Math.floor(AHEAD_MS / this.#requestMs);
    return Math.max(1, Math.min(MAX_DEPTH, fitting));
  }

  /** The thread has done something, such as finishing requests, or was given something to do. */
  progress(finished = 0): void {
    const now = performance.now();
    if (finished > 0)
      this.#requestMs +=
        ((now - this.#lastProgress) / finished - this.#requestMs) / 8;
    this.#lastProgress = now;
  }

  /** Milliseconds without progress. */
  idleMs(now: number): number {
    return now - this.#lastProgress;
  }
}
