/** How the workers end with the command. */
import { all, race, sleep, type Operation } from "effection";
import { MAX_TIMER_MS } from "../checked-options.ts";
import type { Settings } from "./schema.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** A proxy in front has used each of its connections once more by then; whoever waits for the end does not mind. */
const LAST_LINGER_MS = 1000;

/** Time for cleanups, beside what the settings give the requests. */
const TEARDOWN_MS = 10_000;

/** Those that take too long are killed. `now`: without waiting for requests. */
export function* endWorkers(
  workers: readonly WorkerProcess[],
  { drainTimeout, readinessDelay, linger }: Settings,
  now: boolean,
): Operation<void> {
  const lingerMs = Math.min(linger, LAST_LINGER_MS);
  for (const worker of workers)
    worker.close(now ? { type: "stop" } : { type: "close", lingerMs });
  const patience = now ? 0 : readinessDelay + lingerMs + drainTimeout;
  const limit = patience + TEARDOWN_MS;
  yield* race([
    all(workers.map((worker) => worker.ended)),
    sleep(Math.min(limit, MAX_TIMER_MS)),
  ]);
  for (const worker of workers) worker.kill("SIGKILL");
}
