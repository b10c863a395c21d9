/** What a kind of statement is. */
import type { Random } from "../random.ts";

/** Where a statement can stand: in a task, in a function that runs outside of tasks, among the acts. */
export type Context = "task" | "outside" | "act";

export interface Kind {
  /** How often it is chosen. */
  weight: number;
  in?: Context;
  args?: (random: Random) => (string | number)[];
  blocks?: Context[];
  /** Its JavaScript; `blocks` are texts already. */
  text: (id: number, args: (string | number)[], blocks: string[]) => string;
}

export type Kinds = Record<string, Kind>;

const NAMES = ["a", "b", "c"];
export const task = (random: Random): string => `tasks.${random.pick(NAMES)}`;
export const scope = (random: Random): string =>
  `scopes.${random.pick(NAMES.slice(1))}`;
export const time = (random: Random): number => random.below(6);

/** The body of a task that tells when it starts and ends. */
export const operation = (id: number, body: string | undefined): string =>
  `function* () { note(${id}, "starts"); ${body} note(${id}, "ends"); return "r${id}"; }`;
