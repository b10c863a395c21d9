/**
 * How long something took, as counts in buckets: eight to each power of two of microseconds, so that a bucket is known
 * by a few integer operations, and its bounds are at most an eighth apart. Counts of several processes can be added up.
 */

/** By bucket. Doubles, as 32 bits are full after a day of a busy port. */
export type Durations = Float64Array;

const MAX_US = 2 ** 31 - 1;

/** The last one has all from half an hour on. */
const BUCKETS = 232;

export const noDurations = (): Durations => new Float64Array(BUCKETS);

/** Hot path. */
export function bucketOf(ms: number): number {
  const us = ms * 1000 < MAX_US ? (ms * 1000) | 0 : MAX_US;
  if (us < 8) return us;
  const shift = 28 - Math.clz32(us); // what is left are four bits, of which the first is set
  return (shift << 3) + (us >> shift);
}

/** Milliseconds that all in a bucket are below. */
export function upperMs(bucket: number): number {
  const shift = Math.max(0, (bucket >> 3) - 1);
  return ((bucket - (shift << 3) + 1) * 2 ** shift) / 1000;
}

export const countOf = (durations: Durations): number =>
  durations.reduce((sum, count) => sum + count, 0);

/**
 * Milliseconds within which such a part of all were, `0.95` for the 95th percentile: the bound of a bucket, so at most
 * an eighth too long, and never too short. 0 where there was nothing.
 */
export function quantileMs(durations: Durations, part: number): number {
  let left = countOf(durations) * part;
  if (left === 0) return 0;
  const bucket = durations.findIndex((count) => (left -= count) <= 0);
  return upperMs(bucket);
}

/** The bounds of the buckets that are not empty, in milliseconds, each with its count. */
export const filled = (durations: Durations): [upperMs: number, n: number][] =>
  [...durations.entries()]
    .filter(([, count]) => count > 0)
    .map(([bucket, count]) => [upperMs(bucket), count]);
