import { setImmediate } from "node:timers/promises";
import { WhenNone } from "../common/when-none.ts";

/** Milliseconds that a connection may be silent, where nothing else is said: the default of uWebSockets.js. */
export const IDLE_TIMEOUT_MS = 30_000;

/** Milliseconds for clients to finish, and to read their last reply, when a listener ends. */
export const LAST_MS = 1000;

/** Milliseconds for the system's queue of new connections to be taken, when a listener is to stop. */
const TAKE_MS = 1000;

/** How many connections are open. */
export class Connections {
  #count = 0;
  /** That ever came. */
  #came = 0;
  readonly #whenNone = new WhenNone();

  get none(): boolean {
    return this.#count === 0;
  }

  /** 1 or -1 */
  add(change: number): void {
    this.#count += change;
    if (change > 0) this.#came += change;
    if (this.none) this.#whenNone.reached();
  }

  /**
   * Done when those are taken that the system has for a listener, and what has come of their requests is read: once it
   * stops, they would be reset. Node's servers take as few as one in a turn of the loop (Node.js 20).
   */
  async untilTaken(): Promise<void> {
    const limit = performance.now() + TAKE_MS;
    await setImmediate(); // this turn may be over
    let before: number;
    do {
      before = this.#came;
      await setImmediate();
      await setImmediate();
    } while (this.#came > before && performance.now() < limit);
  }

  untilNone(signal: AbortSignal): Promise<void> {
    return this.#whenNone.until(this.none, signal);
  }
}
