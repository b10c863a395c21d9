/** The requests that a thread was given and has not finished, by their number: neither side sends it, both count. */
import type { Call } from "./call.ts";

export class Given {
  /** In order; undefined for those taken back. */
  readonly #calls: (Call | undefined)[] = [];
  /** Number of the last one. The first that there ever was has 1. */
  last = 0;

  get count(): number {
    return this.#calls.length;
  }

  /** Number of the one that the thread works on, or would be given next. */
  get first(): number {
    return this.last - this.#calls.length + 1;
  }

  /** The one that the thread works on. */
  get current(): Call | undefined {
    return this.#calls[0];
  }

  /** A client waits for one of them. */
  get wanted(): boolean {
    return this.#calls.some((call) => call?.open);
  }

  add(call: Call): void {
    this.#calls.push(call);
    this.last++;
  }

  at(number: number): Call | undefined {
    return this.#calls[number - this.first];
  }

  /** The one that the thread works on is over. */
  finish(): Call | undefined {
    return this.#calls.shift();
  }

  /** Takes back those from this number on, and gives those that still wait for a reply. Their places stay: the thread will come to them. */
  takeFrom(number: number): Call[] {
    const taken: Call[] = [];
    for (let i = Math.max(0, number - this.first); i < this.count; i++) {
      const call = this.#calls[i];
      this.#calls[i] = undefined;
      if (call?.open) taken.push(call);
    }
    return taken;
  }

  /** All that are left: there is no thread any more. */
  clear(): Call[] {
    return this.#calls.splice(0).filter((call) => call !== undefined);
  }
}
