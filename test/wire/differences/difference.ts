/** How a difference is written down, and what it makes of a case. */
import { parseOutcome, type Case } from "../case.ts";
import type { Outcome } from "../outcome.ts";

export interface Difference {
  readonly why: string;
  /** What node:http does, in the words of a case. */
  readonly node: readonly string[];
  /** Names, separated by white space. */
  readonly cases: string;
  /** The first Node.js that does as eddy. */
  readonly before?: number;
}

export const REFUSED = ["400", "closed"];
export const REFUSED_LATE = ["called POST /echo", "400", "closed"];
export const ANSWERED = ["200", "open"];
export const BOTH_ANSWERED = ["200", "200", "open"];

/** The case as it is played with the difference: sent the same, and what comes back in the end. */
export function differing(one: Case, { node }: Difference): Case {
  const outcome = { end: one.end, ...parseOutcome(one.name, node) };
  const none = { replies: [], called: [] };
  const steps = one.steps.map(({ send }) => ({ send, ...none }));
  return { ...one, ...outcome, steps: [...steps, { send: "", ...outcome }] };
}

/** Without the counts after each step, which a difference does not speak of. */
export function final(outcome: Outcome): Outcome {
  return { ...outcome, counts: [] };
}
