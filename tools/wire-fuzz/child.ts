/** A server under test, in a process of its own: it may crash, and it does not share our event loop. */
import { setImmediate } from "node:timers/promises";
import { serveEddy } from "./eddy.ts";
import { Journal, type Noted } from "./journal.ts";
import { serveNode } from "./node.ts";
import type { Kind, Serve, Totals } from "./served.ts";

/** What it is asked. `turns`: of the event loop, before it answers: what was sent before is read by then. */
export interface Question {
  readonly id: number;
  readonly turns: number;
  /** Take what the applications saw of this client. */
  readonly address?: string;
  readonly close?: true;
}

export interface Reply {
  readonly id: number;
  readonly noted: Noted;
  readonly trouble: string[];
  readonly totals?: Totals;
}

const SERVERS: Record<Kind, Serve> = { eddy: serveEddy, node: serveNode };

const journal = new Journal();
const served = await SERVERS[process.argv[2] as Kind](journal);

async function answer(question: Question): Promise<void> {
  const { id, turns, address, close } = question;
  for (let i = 0; i < turns; i++) await setImmediate();
  const reply: Reply = {
    id,
    noted: journal.take(address ?? ""),
    trouble: served.trouble(),
    ...(close && { totals: await served.close() }),
  };
  process.send!(reply, () => {
    if (close) process.disconnect();
  });
}

process.on("message", (question: Question) => void answer(question));
process.on("disconnect", () => process.exit());
process.send!(served.port);
