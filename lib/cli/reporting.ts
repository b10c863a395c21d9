/** A worker reports its state to the supervisor once a second, from its start on: one that does not is stuck. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { sleep, type Operation } from "effection";
import type { Loop, Tally } from "../index.ts";
import { INTERVALS } from "./intervals.ts";
import { residentBytes } from "./memory.ts";
import type { FromWorker } from "./messages.ts";

const RESOLUTION_MS = 20;

/** @param loop undefined while the application is loaded. */
export function* reporting(
  loop: () => Loop | undefined,
  tell: (message: FromWorker) => void,
): Operation<void> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  try {
    for (;;) {
      tell({
        type: "report",
        report: {
          tally: loop()?.tally ?? NONE_YET,
          inFlight: loop()?.tasks().exchanges.length ?? 0,
          rss: residentBytes(),
          loopDelayMs: { mean: late(delay.mean), max: late(delay.max) },
        },
      });
      delay.reset();
      yield* sleep(INTERVALS.reportMs);
    }
  } finally {
    delay.disable();
  }
}

const NONE_YET: Tally = {
  accepted: 0,
  ok: 0,
  abort: 0,
  timeout: 0,
  error: 0,
  shed: 0,
  drain: 0,
};

/** The histogram includes the wait itself, and is NaN before its first value. */
const late = (nanoseconds: number): number =>
  Math.max(0, Math.round((nanoseconds / 1e6 - RESOLUTION_MS) * 100) / 100) || 0;
