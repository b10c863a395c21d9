/**
 * Notices that a worker's event loop does not turn. Only another thread can: it looks what the loop is held by. Of a short
 * while it tells the loop, whose warning says so; after a long one it ends the process, because nothing in it will ever be
 * served again.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { call, resource, type Operation } from "effection";
import { loopWatches } from "../loop/command.ts";
import type { StallWatch } from "../loop/stall.ts";
import type { Settings } from "./schema.ts";

/** What the thread gets. */
export interface WatchdogData {
  readonly words: SharedArrayBuffer;
  readonly settings: Settings;
}

/** What a look into the loop's thread shows. */
export interface Sight {
  readonly stack: string[];
  /** The requests that run. */
  readonly running: string[];
}

/** `beats`: a counter that the loop moves. `limitMs`: how long is too long for whoever has the least patience. */
export const WORD = { beats: 0, limitMs: 1 } as const;

/** Under this symbol the thread finds the other end, when it looks into the thread that is stuck. */
export const WATCHED = "eddy:watched";

/** Milliseconds that are always too long: so the thread never sleeps long, and learns soon who has less patience. */
const MOST_MS = 1000;

/** Beats in the time that is too long. */
const BEATS = 4;

/** Lines of a stack that are told: enough to find the application under a library's own. */
const LINES = 30;

/** Watches, from when it is given, until the scope ends. `running` names the requests that run. */
export function useWatchdog(
  settings: Settings,
  running: () => string[],
): Operation<void> {
  return resource(function* (provide) {
    const { workerTimeout } = settings;
    if (workerTimeout === Infinity || workerTimeout === 0)
      return yield* provide();
    const watched = new Watched(workerTimeout, running);
    Object.defineProperty(globalThis, Symbol.for(WATCHED), { value: watched });
    const { words } = watched;
    const thread = new Worker(
      new URL("./watchdog-thread.js", import.meta.url),
      { workerData: { words, settings } satisfies WatchdogData },
    );
    try {
      yield* call(() => started(thread));
      watched.start();
      yield* provide();
    } finally {
      watched.stop();
      yield* call(() => thread.terminate());
    }
  });
}

/** It sees us. */
async function started(thread: Worker): Promise<void> {
  await Promise.race([
    once(thread, "message"),
    once(thread, "exit").then(() => {
      throw new Error("the watchdog has not started");
    }),
  ]);
}

/** What is held up by what called this: by a method, which was called by what the thread evaluates. */
function stackBelow(): string[] {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = LINES;
  const lines = String(new Error().stack).split("\n");
  Error.stackTraceLimit = stackTraceLimit;
  return lines.slice(4).map((line) => line.trim());
}

/** The end that is watched: it beats, and the other one calls its methods while nothing else here runs. */
class Watched {
  readonly words = new SharedArrayBuffer(8);
  readonly #running: () => string[];
  readonly #counter = new Uint32Array(this.words);
  readonly #watches: StallWatch[] = [];
  #beat: NodeJS.Timeout | undefined;

  constructor(limitMs: number, running: () => string[]) {
    this.#running = running;
    this.#counter[WORD.limitMs] = Math.min(limitMs, MOST_MS);
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

  /** Whoever waits for the loop learns what holds it. */
  tell(): void {
    const stack = stackBelow();
    for (const watch of this.#watches) watch.witness(stack);
  }

  look(): Sight {
    return { stack: stackBelow(), running: this.#running().slice(0, 20) };
  }
}
