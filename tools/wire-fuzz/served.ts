/** What a server under test offers to whoever plays with it. */
import type { Tally } from "../../lib/index.ts";
import type { Journal } from "./journal.ts";

/** `eddy`, or node:http to compare it with. */
export type Kind = "eddy" | "node";

export interface Served {
  readonly port: number;
  /** What it has to complain about since it was asked last. */
  trouble(): string[];
  /** Ends it. */
  close(): Promise<Totals>;
}

/** How many requests there were, of each outcome: as the loop counts them, and by access lines. */
export interface Totals {
  readonly tally: Readonly<Tally> | undefined;
  readonly lines: Readonly<Record<string, number>>;
}

export type Serve = (journal: Journal) => Promise<Served>;

export const HOST = "127.0.0.1";

/** In place of a body that was not complete when it was noted what an application saw. */
export const INCOMPLETE = " (the body is not complete)";
