/**
 * A clock that a program cannot tell from the real one, and that moves only when told: runs are fast and repeat
 * exactly.
 */
type Callback = (...args: unknown[]) => void;

interface Timer {
  at: number;
  every: number | undefined;
  fire: () => void;
}

const REAL = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};
const { setImmediate } = globalThis;

/** Lets everything run that does not wait for a timer. */
export const settle = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

export class Clock {
  now = 0;
  #last = 0;
  #timers = new Map<number, Timer>();

  /** How many timers are waiting. */
  get pending(): number {
    return this.#timers.size;
  }

  install(): void {
    const start =
      (repeat: boolean) =>
      (callback: Callback, delay = 0, ...args: unknown[]): number => {
        const every = repeat ? Math.max(1, delay) : undefined;
        const fire = (): void => callback(...args);
        this.#timers.set(++this.#last, { at: this.now + delay, every, fire });
        return this.#last;
      };
    const stop = (id: number): void => void this.#timers.delete(id);
    Object.assign(globalThis, {
      setTimeout: start(false),
      clearTimeout: stop,
      setInterval: start(true),
      clearInterval: stop,
    });
  }

  uninstall(): void {
    Object.assign(globalThis, REAL);
    this.#timers.clear();
  }

  /** Fires the next timer that is due at `limit` or before; false when there is none. */
  advance(limit = Infinity): boolean {
    let next: [number, Timer] | undefined;
    for (const entry of this.#timers)
      if (next === undefined || entry[1].at < next[1].at) next = entry;
    if (next === undefined || next[1].at > limit) return false;
    const [id, timer] = next;
    this.now = timer.at;
    if (timer.every === undefined) this.#timers.delete(id);
    else timer.at += timer.every;
    timer.fire();
    return true;
  }
}
