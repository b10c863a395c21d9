/** What of a report is not as it has to be. */
import { isDeepStrictEqual } from "node:util";
import type { Report } from "./attack.ts";

const MB = 1024 * 1024;

/**
 * Bytes of objects and buffers that may be there after an attack and were not before. What is compiled late and the
 * caches of the engine come to about 1 MiB; a leak of 300 bytes a request would be seen.
 */
const HEAP_GROWTH = 3 * MB;

/**
 * Bytes of the process that may not come back. V8 and glibc keep pages that were in use once for the next time: up to
 * 85 MB were seen, after bodies that take hundreds of them for a moment. The same attack again adds less than 2 MB.
 */
const RESIDENT_GROWTH = 128 * MB;

export function problems(report: Report): string[] {
  return [
    ...fateProblems(report),
    ...honestProblems(report),
    ...remains(report),
    ...tallyProblems(report),
    ...logProblems(report),
  ];
}

function fateProblems({ attack, course }: Report): string[] {
  const { fates } = attack.expectations;
  if (isDeepStrictEqual(course.fates, fates)) return [];
  return [`expected ${show(fates)}, found ${show(course.fates)}`];
}

function honestProblems({ attack, served }: Report): string[] {
  const { shed, errors } = served;
  const found =
    errors.length > 0
      ? [`${errors.length} honest clients failed; one with ${errors[0]}`]
      : [];
  if (shed > 0 && !attack.expectations.shedding)
    found.push(`${shed} honest clients were told to come back later`);
  return found;
}

function logProblems({ attack, log }: Report): string[] {
  const { log: expected = /^$/ } = attack.expectations;
  return log
    .filter((line) => !expected.test(line))
    .map((line) => `the log has ${line.slice(0, 300)}`);
}

function remains({ attack, before, after }: Report): string[] {
  const found: string[] = [];
  const limit = (what: string, amount: number, most: number): void => {
    if (amount > most) found.push(`${what}: ${amount}, at most ${most}`);
  };
  limit("live exchanges", after.live, 0);
  limit("handlers without cleanup", after.held, 0);
  limit("open files", after.files, before.files);
  limit("heap growth", after.heap - before.heap, HEAP_GROWTH);
  limit("growth of buffers", after.buffers - before.buffers, HEAP_GROWTH);
  limit("resident growth", after.rss - before.rss, RESIDENT_GROWTH);
  limit(
    "peak growth",
    after.peak - before.rss,
    attack.expectations.growth * MB,
  );
  return found;
}

function tallyProblems({ attack, tally, attackers }: Report): string[] {
  const found: string[] = [];
  const { accepted, ...outcomes } = tally;
  const sum = Object.values(outcomes).reduce((a, b) => a + b);
  if (accepted !== sum) found.push(`the tally does not add up: ${show(tally)}`);
  const expected = { error: 0, drain: 0, ...attack.expectations.tally };
  for (const [outcome, count] of Object.entries(expected))
    if (attackers[outcome as keyof typeof attackers] !== count)
      found.push(
        `tally: expected ${outcome} ${count}, found ${show(attackers)}`,
      );
  return found;
}

const show = (value: unknown): string => JSON.stringify(value);
