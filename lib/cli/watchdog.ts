/**
 * Notices that a worker's event loop is stuck, from another thread, which also sees what it is stuck in. After a short
 * while it tells the loop, which then warns; after a long one it ends the process, which will never serve again.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { call, resource, type Operation } from "effection";
import { loopWatches } from "../loop/command.ts";
import type { StallWatch } from "../loop/stall.ts";
import type { Settings } from "./schema.ts";
import { WATCHED, WORD, type LoopSnapshot } from "./watchdog-words.ts";

/** An upper limit, so that the thread never sleeps long and soon sees a lower one. */
const MAX_LIMIT_MS = 1000;

/** Beats in the time that is too long. */
const BEATS = 4;

/** Lines of a stack: enough to find the application below the frames of a library. */
const LINES = 30;

/** What is watched over. */
interface Ward {
  /** Names the requests that run. */
  running(): string[];
  /** Called in the middle of what holds the loop, before the process is ended: saves what would be lost. */
  leave(): void;
}

export interface Watchdog {
  /** Does what holds the loop for long and is meant: nobody is warned of it, or ended for it. */
  excuse(work: () => void): void;
}

/** The thread. It starts while the process waits for its orders: behind them, it would be waited for. */
export class WatchdogThread {
  readonly words = new SharedArrayBuffer(12);
  readonly #thread = new Worker(
    new URL("./watchdog-thread.js", import.meta.url),
    {
      workerData: this.words,
      execArgv: [], // what is for the application is not loaded
    },
  );

  constructor() {
    this.#thread.unref(); // a process that gets no orders ends with its supervisor
  }

  /** Done when the thread can see into this one. */
  async watch(settings: Settings): Promise<void> {
    this.#thread.ref();
    this.#thread.postMessage(settings);
    await Promise.race([
      once(this.#thread, "message"),
      once(this.#thread, "exit").then(() => {
        throw new Error("the watchdog has not started");
      }),
    ]);
  }

  async end(): Promise<void> {
    await this.#thread.terminate();
  }
}

/** Watches until the scope ends, and the thread with it. */
export function useWatchdog(
  thread: WatchdogThread,
  settings: Settings,
  ward: Ward,
): Operation<Watchdog> {
  return resource(function* (provide) {
    const watched = new Watched(thread.words, settings.workerTimeout, ward);
    try {
      if (settings.workerTimeout === Infinity)
        return yield* provide({ excuse: (work) => work() });
      Object.defineProperty(globalThis, Symbol.for(WATCHED), {
        value: watched,
      });
      yield* call(() => thread.watch(settings));
      watched.start();
      yield* provide(watched);
    } finally {
      watched.stop();
      yield* call(() => thread.end());
    }
  });
}

/** The stack below the method that called this, and below the expression that the thread evaluates. */
function stackBelow(): string[] {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = LINES;
  const lines = String(new Error().stack).split("\n");
  Error.stackTraceLimit = stackTraceLimit;
  return lines.slice(4).map((line) => line.trim());
}

/** The side of the loop: it beats, and the thread calls its methods in the middle of whatever holds the loop. */
class Watched implements Watchdog {
  readonly #ward: Ward;
  readonly #counter: Uint32Array;
  readonly #watches: StallWatch[] = [];
  #beat: NodeJS.Timeout | undefined;

  constructor(words: SharedArrayBuffer, limitMs: number, ward: Ward) {
    this.#ward = ward;
    this.#counter = new Uint32Array(words);
    this.#counter[WORD.limitMs] = Math.min(limitMs, MAX_LIMIT_MS);
  }

  readonly #join = (watch: unknown): void => {
    const { limitMs } = watch as StallWatch;
    this.#watches.push(watch as StallWatch);
    const least = Math.min(this.#counter[WORD.limitMs]!, limitMs);
    this.#counter[WORD.limitMs] = Math.max(1, least);
    this.#rebeat();
  };

  #rebeat(): void {
    const beat = (): void => void Atomics.add(this.#counter, WORD.beats, 1);
    clearInterval(this.#beat);
    this.#beat = setInterval(beat, this.#counter[WORD.limitMs]! / BEATS);
    beat();
  }

  start(): void {
    loopWatches.subscribe(this.#join);
    this.#rebeat();
  }

  stop(): void {
    loopWatches.unsubscribe(this.#join);
    clearInterval(this.#beat);
  }

  excuse(work: () => void): void {
    Atomics.store(this.#counter, WORD.isMeant, 1);
    try {
      work();
    } finally {
      Atomics.add(this.#counter, WORD.beats, 1);
      Atomics.store(this.#counter, WORD.isMeant, 0);
      for (const watch of this.#watches) watch.excuse();
    }
  }

  /** Tells the loops' own watches what holds the loop. */
  tell(): void {
    const stack = stackBelow();
    for (const watch of this.#watches) watch.witness(stack);
  }

  /** The last look. */
  leave(): LoopSnapshot {
    const stack = stackBelow();
    this.#ward.leave();
    return { stack, running: this.#ward.running().slice(0, 20) };
  }
}
