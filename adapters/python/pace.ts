/** How fast a thread is, and whether it does anything at all. */

/**
 * Requests that are given ahead, and how much time they may take together: those behind should not wait for long. Both
 * are twice what worker.py holds back, so that it has requests left while replies are on their way and new ones come.
 */
const DEPTH = 32;
const AHEAD_MS = 4;

export class Pace {
  readonly #patienceMs: number;
  readonly #onSilence: () => void;
  /** Of a request, from the end of the one before to its own. */
  #costMs = 1;
  #lastMove = 0;
  #silence: NodeJS.Timeout | undefined;

  /** `onSilence` is called when it has not moved for `patienceMs`. */
  constructor(patienceMs: number, onSilence: () => void) {
    this.#patienceMs = patienceMs;
    this.#onSilence = onSilence;
  }

  /** Requests that it can have at a time. */
  get depth(): number {
    return Math.max(1, Math.min(DEPTH, Math.floor(AHEAD_MS / this.#costMs)));
  }

  /** It has done something, requests among that, or was given something to do. */
  move(finished = 0): void {
    const now = performance.now();
    if (finished > 0)
      this.#costMs += ((now - this.#lastMove) / finished - this.#costMs) / 8;
    this.#lastMove = now;
    if (this.#silence !== undefined) this.#silence.refresh();
    else this.#silence = setTimeout(this.#onSilence, this.#patienceMs);
  }

  /** Milliseconds for which it has not moved. */
  idleMs(now: number): number {
    return now - this.#lastMove;
  }

  stop(): void {
    clearTimeout(this.#silence);
  }
}
