/** How soon a worker is started in place of one that has ended by itself, and when to give up. */
import { backoffMs } from "../common/replacement.ts";
import { INTERVALS } from "./intervals.ts";

/** Starts in vain in one place, in a row: while no worker has ever served, the command ends then. */
export const GIVE_UP = 5;

const BACKOFF_MS = { first: INTERVALS.firstRestartMs, last: 10_000 };

/** How a worker ended by itself. */
interface End {
  readonly served: boolean;
  /** How long it lived. */
  readonly ageMs: number;
  /** Those before it in its place that ended before they served, in a row. */
  readonly failures: number;
}

/**
 * One that has served is missed: the next is started at once, but no two within half a second. One that has not will
 * hardly do so when it is tried again at once: nothing for the first, then longer and longer.
 */
export const pauseMs = ({ served, ageMs, failures }: End): number =>
  served
    ? Math.max(0, INTERVALS.restartMs - ageMs)
    : backoffMs(BACKOFF_MS, failures);
