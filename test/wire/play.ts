/** Plays a case on a connection: sends its steps, and keeps all that comes back. */
import { setImmediate } from "node:timers/promises";
import type { Case, End } from "./case.ts";
import type { Connection } from "./connection.ts";
import type { Parsed, Reply } from "./replies.ts";

/** All that was seen. */
export interface Observed {
  readonly replies: readonly Reply[];
  /** How many of them were there after each step. */
  readonly counts: readonly number[];
  readonly end: End;
  /** Bytes that belong to no reply. */
  readonly rest: string;
  /** What applications were called for. */
  readonly calls: readonly string[];
}

export type Send = (connection: Connection, bytes: string) => Promise<void>;

/** In one write. */
export const whole: Send = async (connection, bytes) => connection.send(bytes);

/**
 * Lets the server read what was written: it shares this process, and kernel and event loop need a turn each. One more
 * is for the reply.
 */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate();
}

/** `calls`: where the server notes them. */
export async function play(
  { steps, end }: Case,
  connection: Connection,
  calls: readonly string[],
  send: Send = whole,
): Promise<Observed> {
  const expected = steps.flatMap((step) => step.replies);
  const parse = () => connection.parse((index) => !!expected[index]?.head);
  const counts: number[] = [];
  let count = 0;
  for (const step of steps) {
    count += step.replies.length;
    await send(connection, step.send);
    await connection.until(() => parse().replies.length >= count);
    await turns();
    counts.push(parse().replies.length);
  }
  if (end !== "waiting") await probe(connection, parse);
  const { replies, rest } = parse();
  const open = replies.at(-1)?.body === PROBED;
  if (open) replies.pop();
  return {
    replies,
    counts,
    end: open ? "open" : connection.closed ? "closed" : "waiting",
    rest,
    calls: [...calls],
  };
}

/** A request that is answered on every connection that takes one. Nothing else is waited for any more. */
async function probe(connection: Connection, parse: () => Parsed) {
  const { length } = parse().replies;
  connection.send(PROBE);
  await connection.until(() => parse().replies.length > length);
}

const PROBE = "GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n";
export const PROBED = "the probe's reply";
