/**
 * Notices that a worker's event loop does not turn any more. Only another thread can: it says what the loop is held by,
 * then ends the process, because nothing in it will ever be served again.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { call, resource, sleep, spawn, type Operation } from "effection";
import type { Settings } from "./schema.ts";

/** What the thread gets. */
export interface WatchdogData {
  /** One counter, which the loop moves. */
  readonly beat: SharedArrayBuffer;
  readonly settings: Settings;
}

/** Under this symbol the thread finds what runs, when it looks into the thread that is stuck. */
export const RUNNING = "eddy:running";

/** Watches, from when it is given, until the scope ends. `running` names the requests that run. */
export function useWatchdog(
  settings: Settings,
  running: () => string[],
): Operation<void> {
  return resource(function* (provide) {
    const { workerTimeout } = settings;
    if (workerTimeout === Infinity || workerTimeout === 0)
      return yield* provide();
    const beat = new SharedArrayBuffer(4);
    Object.defineProperty(globalThis, Symbol.for(RUNNING), { value: running });
    const thread = new Worker(
      new URL("./watchdog-thread.js", import.meta.url),
      { workerData: { beat, settings } satisfies WatchdogData },
    );
    try {
      yield* call(() => started(thread));
      yield* spawn(() => beating(new Uint32Array(beat), workerTimeout / 4));
      yield* provide();
    } finally {
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

function* beating(counter: Uint32Array, everyMs: number): Operation<never> {
  for (;;) {
    Atomics.add(counter, 0, 1);
    yield* sleep(everyMs);
  }
}
