/** Whoever waits until nothing is left of what is counted elsewhere. */
export class WhenNone {
  readonly #waiting = new Set<() => void>();

  /** There is none now. */
  reached(): void {
    if (this.#waiting.size > 0) for (const tell of this.#waiting) tell();
  }

  /** Resolves when there is none, or when `signal` fires. `isNone`: that is so already. */
  until(isNone: boolean, signal: AbortSignal): Promise<void> {
    if (isNone || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done);
    });
  }
}
