/** A worker reports its state to the supervisor once a second, from its start on: one that does not is stuck. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { sleep, type Operation } from "effection";
import { INTERVALS } from "./intervals.ts";
import type { LoopRequests } from "./loop-requests.ts";
import { residentBytes } from "./memory.ts";
import type { FromWorker } from "./messages.ts";

const RESOLUTION_MS = 20;

export function* reporting(
  requests: LoopRequests,
  tell: (message: FromWorker) => void,
): Operation<void> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  try {
    for (;;) {
      const { tally, inFlight, applications, connections, suspects } = requests;
      tell({
        type: "report",
        report: {
          tally,
          inFlight,
          applications,
          connections,
          suspects,
          rss: residentBytes(),
          loopDelayMs: { mean: late(delay.mean), max: late(delay.max) },
        },
      });
      requests.reported();
      delay.reset();
      yield* sleep(INTERVALS.reportMs);
    }
  } finally {
    delay.disable();
  }
}

/** The histogram includes the wait itself, and is NaN before its first value. */
const late = (nanoseconds: number): number =>
  Math.max(0, Math.round((nanoseconds / 1e6 - RESOLUTION_MS) * 100) / 100) || 0;
