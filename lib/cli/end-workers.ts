/** How the workers end with the command. */
import { all, race, sleep, type Operation } from "effection";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { INTERVALS } from "./intervals.ts";
import type { Settings } from "./schema.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** By then a proxy in front has used each of its connections once more, and nobody waits long for the end. */
const LAST_LINGER_MS = 1000;

export const lingerAtEnd = ({ linger }: Settings): number =>
  Math.min(linger, LAST_LINGER_MS);

/**
 * Ends them, and kills those that take longer than they may.
 *
 * @param now do not wait for requests.
 */
export function* endWorkers(
  workers: readonly WorkerProcess[],
  settings: Settings,
  now: boolean,
): Operation<void> {
  const lingerMs = now ? 0 : lingerAtEnd(settings);
  for (const worker of workers)
    worker.close(now ? { type: "stop" } : { type: "close", lingerMs });
  const limits = workers.map(({ closeLimits: { requestsMs, cleanupsMs } }) =>
    now ? cleanupsMs : requestsMs + lingerMs + cleanupsMs,
  );
  const limitMs = Math.max(0, ...limits) + INTERVALS.exitMs;
  yield* race([
    all(workers.map((worker) => worker.ended)),
    sleep(Math.min(limitMs, MAX_TIMER_MS)),
  ]);
  for (const worker of workers) worker.kill("SIGKILL");
}
