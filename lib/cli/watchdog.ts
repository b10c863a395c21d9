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
import {
  WATCHED,
  WORD,
  type LoopSnapshot,
  type WatchdogData,
} from "./watchdog-words.ts";

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

/** Watches until the scope ends. */
export function useWatchdog(
  settings: Settings,
  ward: Ward,
): Operation<Watchdog> {
  return resource(function* (provide) {
    const { workerTimeout } = settings;
    if (workerTimeout === Infinity)
      return yield* provide({ excuse: (work) => work() });
    const watched = new Watched(workerTimeout, ward);
    Object.defineProperty(globalThis, Symbol.for(WATCHED), { value: watched });
    const { words } = watched;
    const thread = new Worker(
      new URL("./watchdog-thread.js", import.meta.url),
      {
        workerData: { words, settings } satisfies WatchdogData,
        execArgv: [], // what is for the application is not loaded
      },
    );
    try {
      yield* call(() => started(thread));
      watched.start();
      yield* provide(watched);
    } finally {
      watched.stop();
      yield* call(() => thread.terminate());
    }
  });
}

/** The thread can see into this one. */
async function started(thread: Worker): Promise<void> {
  await Promise.race([
    once(thread, "message"),
    once(thread, "exit").then(() => {
      throw new Error("the watchdog has not started");
    }),
  ]);
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
  readonly words = new SharedArrayBuffer(12);
  readonly #ward: Ward;
  readonly #counter = new Uint32Array(this.words);
  readonly #watches: StallWatch[] = [];
  #beat: NodeJS.Timeout | undefined;

  constructor(limitMs: number, ward: Ward) {
    this.#ward = ward;
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
