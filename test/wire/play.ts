/** Plays a case on a connection, and says what was seen in the words of the case. */
import { setImmediate } from "node:timers/promises";
import type { Case, End, Expected } from "./case.ts";
import type { Connection } from "./connection.ts";
import type { Reply } from "./replies.ts";

/** What a case promises, and what is seen when it is played: to be compared as they are. */
export interface Outcome {
  replies: Partial<Expected>[];
  /** How many replies were there after each step. */
  counts: number[];
  /** `silent`: neither closed nor answering. */
  end: End | "silent";
  /** Bytes that belong to no reply. */
  rest: string;
  /** How often an application was called. */
  calls: number;
  /** Of these, the ones that nobody was answered for. */
  unanswered: string[];
}

export type Send = (connection: Connection, bytes: string) => Promise<void>;

/** In one write. */
export const whole: Send = async (connection, bytes) => connection.send(bytes);

/**
 * Lets the server read what was written: it shares this process, and kernel and event loop need a turn each. One more is
 * for the reply.
 */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate();
}

export function promised({ steps, end }: Case): Outcome {
  const replies = steps.flatMap((step) => step.replies);
  let count = 0;
  const counts = steps.map((step) => (count += step.replies.length));
  const unanswered = steps.flatMap(({ called }) => called);
  return {
    replies: replies.map(mentioned),
    counts,
    end,
    rest: "",
    calls: replies.filter(fromApplication).length + unanswered.length,
    unanswered,
  };
}

export async function play(
  { steps }: Case,
  connection: Connection,
  calls: readonly string[],
  send: Send = whole,
): Promise<Outcome> {
  const expected = steps.flatMap((step) => step.replies);
  const promises = steps.flatMap(({ called }) => called);
  const parse = () => connection.parse((index) => !!expected[index]?.head);
  const arrived = (count: number) => () => parse().replies.length >= count;
  const counts: number[] = [];
  let count = 0;
  for (const step of steps) {
    await send(connection, step.send);
    await connection.until(arrived((count += step.replies.length)));
    await turns();
    counts.push(parse().replies.length);
  }
  const answered = parse().replies.length;
  connection.send(PROBE);
  await connection.until(arrived(answered + 1));
  const { replies, rest } = parse();
  const probed = replies.at(-1)?.body === PROBED;
  if (probed) replies.pop();
  return {
    replies: replies.map((reply, i) => restrict(reply, expected[i])),
    counts,
    end: probed ? "open" : connection.closed ? "closed" : "silent",
    rest,
    calls: calls.length,
    unanswered: promises.filter((call) => calls.includes(call)),
  };
}

/** The applications under test never refuse. */
function fromApplication({ status }: { status: number }): boolean {
  return status >= 200 && status < 400;
}

/** A request that is answered on every connection that takes one. */
const PROBE = "GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n";
export const PROBED = "the probe's reply";

/** What is looked at. */
function mentioned({ status, fields, body }: Expected): Partial<Expected> {
  return { status, fields, ...(body !== undefined && { body }) };
}

/** What the case speaks of; all of a reply that it does not speak of. */
function restrict(
  { status, fields, body }: Reply,
  expected: Expected | undefined,
): Partial<Expected> {
  if (expected === undefined) return { status, body };
  const seen = expected.fields.map(([name]): [string, string] => [
    name,
    fields
      .filter(([found]) => found === name)
      .map(([, value]) => value)
      .join(" and ") || "none",
  ]);
  return {
    status,
    fields: seen,
    ...(expected.body !== undefined && { body }),
  };
}
