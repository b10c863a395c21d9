/** What several attacks do. */
import { setTimeout } from "node:timers/promises";
import type { Fates } from "./attack.ts";
import type { Foe } from "./foe.ts";

/** By then the engine has cut who is idle or too slow: it gives 30 s, and looks every 4 s. */
export const CUT_MS = 40_000;

/** Does something with each connection that is left, again and again, until there is none or the time is up. */
export async function harass(
  foes: Foe[],
  { everyMs, limitMs }: { everyMs: number; limitMs: number },
  act: (foe: Foe) => void,
): Promise<void> {
  const end = performance.now() + limitMs;
  for (;;) {
    const left = foes.filter((foe) => foe.lasted === undefined);
    if (left.length === 0 || performance.now() > end) return;
    for (const foe of left) act(foe);
    await setTimeout(everyMs);
  }
}

/** The status of its reply, or how it ended without one. */
export function fateOf(foe: Foe): string {
  const end = foe.lasted === undefined ? "still connected" : "cut";
  return foe.status ?? end;
}

export function countFates<T>(
  all: Iterable<T>,
  fateOf: (one: T) => string,
): Fates {
  const fates: Fates = {};
  for (const one of all) {
    const fate = fateOf(one);
    fates[fate] = (fates[fate] ?? 0) + 1;
  }
  return fates;
}

/** When connections ended, for the table. */
export function lifetimes(foes: Foe[]): string {
  const times = foes.flatMap(({ lasted }) => lasted ?? []);
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  return `ended after ${seconds(Math.min(...times))} to ${seconds(Math.max(...times))} s`;
}

/** One after the other, and from the start again. */
export function cycle<T>(choices: readonly T[], number: number): T {
  return choices[number % choices.length]!;
}
