/** A worker reports its state to the supervisor once a second, from its start on: one that does not is stuck. */
import { sleep, type Operation } from "effection";
import { INTERVALS } from "./intervals.ts";
import type { LoopRequests } from "./loop-requests.ts";
import { residentBytes } from "../status/memory.ts";
import { LoopDelayMeter } from "../status/loop-delay.ts";
import type { Logs } from "./logs.ts";
import type { FromWorker } from "./messages.ts";

export function* reporting(
  requests: LoopRequests,
  logs: Pick<Logs, "linesLost">,
  tell: (message: FromWorker) => void,
): Operation<void> {
  const delay = new LoopDelayMeter();
  delay.start();
  try {
    for (;;) {
      const { tally, inFlight, applications, connections } = requests;
      const { sockets, suspects, figures } = requests;
      tell({
        type: "report",
        report: {
          tally,
          inFlight,
          applications,
          connections,
          sockets,
          suspects,
          figures,
          rss: residentBytes(),
          loopDelayMs: delay.take(),
          linesLost: logs.linesLost(),
        },
      });
      requests.reported(figures);
      yield* sleep(INTERVALS.reportMs);
    }
  } finally {
    delay.stop();
  }
}
