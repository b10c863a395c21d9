/** Notices a worker that tells nothing any more: it was stopped, or is stuck so that even its own watchdog is. */
import { sleep, type Operation } from "effection";
import { INTERVALS } from "./intervals.ts";
import type { Settings } from "./schema.ts";

/** As the supervisor hears it. */
interface Reporting {
  /** How many reports have come. */
  readonly reports: number;
  /** It is silent because somebody has asked it for a profile. */
  readonly isProfiled: boolean;
}

/**
 * Gives the setting that says how long a worker may be silent, once it has been so: until its first report that is
 * `startTimeout`. What counts are our own turns and not the clock: when all processes were stopped for a while, the
 * supervisor, too, nobody was silent.
 */
export function* untilSilent(
  worker: Reporting,
  settings: Settings,
): Operation<"startTimeout" | "workerTimeout"> {
  for (let [silentMs, before] = [0, 0]; ; before = worker.reports) {
    const limit = before === 0 ? "startTimeout" : "workerTimeout";
    const limitMs = settings[limit] || Infinity;
    if (silentMs >= limitMs + INTERVALS.headStartMs) return limit;
    yield* sleep(INTERVALS.reportMs);
    const isSilent = worker.reports === before && !worker.isProfiled;
    silentMs = isSilent ? silentMs + INTERVALS.reportMs : 0;
  }
}
