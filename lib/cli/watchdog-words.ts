/** What the watchdog's two threads say to each other. A file of its own: the thread loads no more than it needs. */

/** What the loop's thread does. */
export interface LoopSnapshot {
  readonly stack: string[];
  /** The requests that run. */
  readonly running: string[];
}

/**
 * What both threads share: a counter of the loop's beats, after how long without one the loop counts as stuck, and
 * whether what holds it is meant (1) or not (0).
 */
export const WORD = { beats: 0, limitMs: 1, isMeant: 2 } as const;

/** Under this symbol the thread finds the `Watched` of the thread that is stuck. */
export const WATCHED = "eddy:watched";
