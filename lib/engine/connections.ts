/** Milliseconds that a connection may be silent, where nothing else is said: the default of uWebSockets.js. */
export const IDLE_TIMEOUT_MS = 30_000;

/** Milliseconds for clients to finish, and to read their last reply, when a listener ends. */
export const LAST_MS = 1000;

/** How many connections are open. */
export class Connections {
  #count = 0;
  #whenNone: (() => void) | undefined;

  get none(): boolean {
    return this.#count === 0;
  }

  /** 1 or -1 */
  add(change: number): void {
    this.#count += change;
    if (this.none) this.#whenNone?.();
  }

  untilNone(signal: AbortSignal): Promise<void> {
    if (this.none || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenNone = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}
