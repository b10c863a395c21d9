/**
 * The requests that a thread was given and has not finished, by their number. Requests are numbered by their order,
 * from 1 on: gateway and worker both count, and neither sends a number.
 */
import type { PythonCall } from "./call.ts";

export class InFlight {
  /** In order; undefined for those withdrawn. */
  readonly #calls: (PythonCall | undefined)[] = [];
  /** Number of the last one that was given. */
  last = 0;

  get count(): number {
    return this.#calls.length;
  }

  /** Without those withdrawn. */
  get requests(): number {
    return this.#calls.filter((call) => call !== undefined).length;
  }

  /** Number of the one that the thread works on, or of the next to be given. */
  get first(): number {
    return this.last - this.#calls.length + 1;
  }

  /** The one that the thread works on. */
  get current(): PythonCall | undefined {
    return this.#calls[0];
  }

  /** A client waits for one of them. */
  get wanted(): boolean {
    return this.#calls.some((call) => call?.open);
  }

  add(call: PythonCall): void {
    this.#calls.push(call);
    this.last++;
  }

  at(number: number): PythonCall | undefined {
    return this.#calls[number - this.first];
  }

  /** Removes the one that the thread works on. */
  finish(): PythonCall | undefined {
    return this.#calls.shift();
  }

  /**
   * Withdraws the requests from this number on, and returns those that still wait for a reply. Their places stay,
   * because the thread will come to them.
   */
  withdrawFrom(number: number): PythonCall[] {
    const withdrawn: PythonCall[] = [];
    for (let i = Math.max(0, number - this.first); i < this.count; i++) {
      const call = this.#calls[i];
      this.#calls[i] = undefined;
      if (call?.open) withdrawn.push(call);
    }
    return withdrawn;
  }

  /** Removes all: there is no thread any more. */
  clear(): PythonCall[] {
    return this.#calls.splice(0).filter((call) => call !== undefined);
  }
}
