/** Plays a conversation, and says what is wrong. */
import { compare } from "./compare.ts";
import { bytesOf, type Conversation } from "./conversation.ts";
import { judge } from "./judge.ts";
import type { Message } from "./message.ts";
import { PATIENT, play, QUICK, type Pace, type Played } from "./play.ts";
import type { Subject } from "./subject.ts";

/** The servers, each in a process of its own. */
export interface Subjects {
  readonly eddy: Subject;
  readonly node: Subject;
}

/** What is wrong, if anything is; also at a second look, for which everybody gets more time. */
export async function check(
  conversation: Conversation,
  subjects: Subjects,
): Promise<string | undefined> {
  const problem = await look(conversation, subjects, QUICK);
  if (problem === undefined || subjects.eddy.crash !== undefined)
    return problem;
  return await look(conversation, subjects, PATIENT);
}

async function look(
  conversation: Conversation,
  { eddy, node }: Subjects,
  pace: Pace,
): Promise<string | undefined> {
  const { messages } = conversation;
  const played = await play(conversation, eddy, pace);
  const problem =
    eddy.crash ?? judge(conversation, played) ?? unlogged(messages, played);
  if (problem !== undefined) return problem;
  if (!messages.every(isComparable)) return undefined;
  const whole = { ...conversation, cuts: [] }; // node:http is here to be compared with, not to be tested
  const other = await play(whole, node, pace);
  const wrong = node.crash ?? judge(whole, other);
  if (wrong !== undefined) return `on node:http, ${wrong}`;
  return compare(bytesOf(messages), played, other);
}

/** Each valid request has its access line; of others nobody knows how many they are. */
function unlogged(
  messages: readonly Message[],
  { methods }: Played,
): string | undefined {
  const asked = messages.map(({ outcome }) =>
    outcome.kind === "answer" ? outcome.method : undefined,
  );
  if (asked.includes(undefined)) return undefined;
  const expected = (asked as string[]).toSorted().join(" ");
  const lines = methods.toSorted().join(" ");
  return expected === lines
    ? undefined
    : `the access log must have ${expected}, not ${lines}`;
}

/** Invalid ones are not: node:http lets more of them pass, or calls applications before it refuses them. */
function isComparable({ outcome }: Message): boolean {
  return outcome.kind === "answer"
    ? outcome.comparable
    : outcome.kind === "unknown";
}
