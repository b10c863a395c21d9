/** Threads that load test/adapters/wsgi/apps/late.ts: each says so, and waits for being let on. */
import { BroadcastChannel } from "node:worker_threads";

/** The name of the channel. A thread says its number; it hears the same. */
export const LOADING = "loading";

export class Loading {
  readonly #channel = new BroadcastChannel(LOADING);
  readonly #threads: number[] = [];
  #wake: (() => void) | undefined;

  constructor() {
    this.#channel.onmessage = ({ data }: { data: number }) => {
      this.#threads.push(data);
      this.#wake?.();
    };
  }

  /** Gives the next thread that has begun to load. */
  async begun(): Promise<number> {
    while (this.#threads.length === 0)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#threads.shift()!;
  }

  /** The thread's application is loaded now. */
  letOn(thread: number): void {
    this.#channel.postMessage(thread);
  }

  close(): void {
    this.#channel.close();
  }
}
