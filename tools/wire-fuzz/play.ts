/** Plays a conversation on a server, and tells what came of it. */
import { setImmediate } from "node:timers/promises";
import type { Reply } from "../../test/wire/replies.ts";
import { Connection } from "./connection.ts";
import { bytesOf, type Conversation } from "./conversation.ts";
import type { Noted } from "./journal.ts";
import type { Message } from "./message.ts";
import type { Subject } from "./subject.ts";

export interface Played extends Noted {
  readonly replies: readonly Reply[];
  /** Bytes that belong to no reply. */
  readonly rest: string;
  readonly closed: boolean;
  /** Nothing came of what was waited for. */
  readonly stalled: boolean;
  /** What the server complains about. */
  readonly trouble: readonly string[];
}

export interface Pace {
  /** Turns of the server's event loop until it has read a piece. */
  readonly piece: number;
  /** Turns until it has done with all. */
  readonly end: number;
  /** Nobody waits for time to pass; this ends a wait for what will never come. */
  readonly patienceMs: number;
}

export const QUICK: Pace = { piece: 2, end: 6, patienceMs: 5000 };
export const PATIENT: Pace = { piece: 10, end: 200, patienceMs: 15_000 };
/** For the many conversations of which most go wrong. */
export const BRISK: Pace = { piece: 2, end: 20, patienceMs: 200 };

let connections = 0;

/** One of the 16 million of this machine, but none that is in common use. */
function ownAddress(): string {
  const n = connections++ % 0xf0_0000;
  return `127.${1 + (n >> 16)}.${(n >> 8) & 0xff}.${n & 0xff}`;
}

export async function play(
  conversation: Conversation,
  subject: Subject,
  pace: Pace = QUICK,
): Promise<Played> {
  const address = ownAddress();
  const heads = conversation.messages
    .flatMap(repliesTo)
    .map(({ head }) => head);
  const connection = await Connection.open(
    subject.port,
    address,
    pace.patienceMs,
    (index) => heads[index] ?? false,
  );
  const stalled = !(await talk(conversation, connection, subject, pace));
  const { noted, trouble } = await subject.take(address, pace.end);
  for (let i = 0; i < pace.piece; i++) await setImmediate(); // what it sent is to be read here
  await connection.until(() => connection.rest === "");
  connection.end();
  const { replies, rest, closed } = connection;
  return { replies, rest, closed, stalled, ...noted, trouble };
}

/** False: something was waited for in vain. */
async function talk(
  conversation: Conversation,
  connection: Connection,
  subject: Subject,
  pace: Pace,
): Promise<boolean> {
  let [at, replies] = [0, 0];
  for (const burst of burstsOf(conversation)) {
    const bytes = bytesOf(burst);
    await send(connection, subject, pace, cut(bytes, at, conversation.cuts));
    at += bytes.length;
    replies += burst.flatMap(repliesTo).length;
    const ends = burst.some(({ outcome }) => mustClose(outcome));
    const done = (): boolean =>
      ends ? connection.closed : connection.replies.length >= replies;
    if (!(await connection.until(done))) return false;
  }
  return true;
}

async function send(
  connection: Connection,
  subject: Subject,
  pace: Pace,
  pieces: readonly string[],
): Promise<void> {
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await subject.turns(pace.piece);
    connection.send(piece);
  }
}

function mustClose(outcome: Message["outcome"]): boolean {
  return outcome.kind === "answer"
    ? outcome.closes
    : outcome.kind === "refusal";
}

function repliesTo({ outcome }: Message) {
  return outcome.kind === "answer" ? outcome.replies : [];
}

/** What is sent in one go, before anything is waited for. */
export function burstsOf({ messages, joined }: Conversation): Message[][] {
  const bursts: Message[][] = [];
  for (const [i, message] of messages.entries())
    if (joined[i]) bursts.at(-1)!.push(message);
    else bursts.push([message]);
  return bursts;
}

function cut(bytes: string, start: number, cuts: readonly number[]): string[] {
  const inside = cuts
    .map((at) => at - start)
    .filter((at) => at > 0 && at < bytes.length);
  return [0, ...inside].map((from, i) => bytes.slice(from, inside[i]));
}
