/** Waiting for somebody or something, until somebody else is in a hurry. */
import { setTimeout } from "node:timers/promises";

/** So many milliseconds, or less when `hurry` fires. */
export async function pass(ms: number, hurry: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal: hurry });
  } catch (error) {
    if (!hurry.aborted) throw error;
  }
}

/**
 * Until `work` is done, or so many milliseconds have passed, or `hurry` fires; `work` is told which of its waits are
 * over.
 */
export async function within(
  ms: number,
  hurry: AbortSignal,
  work: (limit: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const done = new AbortController();
  const limit = AbortSignal.any([hurry, done.signal]);
  await Promise.race([work(limit), pass(ms, limit)]);
  done.abort();
}

/** Milliseconds between two lots of those that are told. */
const STEP_MS = 20;

/**
 * Tells each of them, a thousand a second, but within `limitMs`: clients that come back should not all come at once.
 * Gives those that are left when `hurry` fires.
 */
export async function spread<T>(
  all: readonly T[],
  limitMs: number,
  hurry: AbortSignal,
  tell: (one: T) => void,
): Promise<readonly T[]> {
  const steps = Math.ceil(Math.min(all.length, limitMs) / STEP_MS);
  const lot = Math.ceil(all.length / Math.max(1, steps));
  for (let at = 0; at < all.length; at += lot) {
    if (at > 0) await pass(STEP_MS, hurry);
    if (hurry.aborted) return all.slice(at);
    for (const one of all.slice(at, at + lot)) tell(one);
  }
  return [];
}
