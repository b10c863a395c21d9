/** When a worker, thread or process is replaced: after how many requests, and how soon after one has failed. */

/**
 * Requests after which one is replaced: `limit` less a random number of up to `jitter` (by default a tenth), so that
 * those of the same age are not replaced at once. At least 1, whatever the jitter; `Infinity` stays what it is.
 */
export function randomLifetime(limit: number, jitter = limit / 10): number {
  if (limit === Infinity) return limit;
  const max = Math.min(Math.floor(jitter), limit - 1);
  return limit - Math.floor(Math.random() * (max + 1));
}

/** Milliseconds. */
interface Backoff {
  readonly first: number;
  readonly last: number;
}

/**
 * Milliseconds to wait after so many failures in a row: none after none, then `first`, doubled with each, up to
 * `last`.
 */
export function backoffMs({ first, last }: Backoff, failures: number): number {
  return failures < 1 ? 0 : Math.min(first * 2 ** (failures - 1), last);
}
