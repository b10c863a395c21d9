/** How a worker is, told to the supervisor once a second: that is its heartbeat, too. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { sleep, type Operation } from "effection";
import type { Loop } from "../index.ts";
import { residentBytes } from "./memory.ts";
import type { FromWorker } from "./messages.ts";

const EVERY_MS = 1000;
const RESOLUTION_MS = 20;

export function* reporting(
  loop: Loop,
  tell: (message: FromWorker) => void,
): Operation<void> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  try {
    for (;;) {
      const { tally } = loop;
      tell({
        type: "report",
        report: {
          tally,
          inFlight: loop.tasks().exchanges.length,
          rss: residentBytes(),
          loopDelayMs: { mean: late(delay.mean), max: late(delay.max) },
        },
      });
      delay.reset();
      yield* sleep(EVERY_MS);
    }
  } finally {
    delay.disable();
  }
}

/** The histogram counts the wait itself, too, and is NaN before the first. */
const late = (nanoseconds: number): number =>
  Math.max(0, Math.round((nanoseconds / 1e6 - RESOLUTION_MS) * 100) / 100) || 0;
