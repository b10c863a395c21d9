/** Whether what came of a conversation is what must come of it. */
import type { Reply } from "../../test/wire/replies.ts";
import type { Conversation } from "./conversation.ts";
import type { Answer, ExpectedReply, Message } from "./message.ts";
import { burstsOf, type Played } from "./play.ts";
import { INCOMPLETE } from "./served.ts";

/** What is wrong; undefined: nothing. */
export function judge(
  conversation: Conversation,
  played: Played,
): string | undefined {
  const { outcome } = conversation.messages.at(-1)!;
  const problem = JUDGES[outcome.kind](conversation, played) ?? formal(played);
  return problem && played.stalled ? `${problem} (waited for)` : problem;
}

function formal(played: Played): string | undefined {
  const { replies, rest, stalled, trouble } = played;
  if (stalled) return "nothing comes";
  if (trouble.length > 0) return `the log complains: ${trouble.join("")}`;
  if (rest !== "") return `this is no complete reply: ${JSON.stringify(rest)}`;
  return replies.map(malformed).find((problem) => problem !== undefined);
}

/** What could be read, but is not as RFC 9110, sections 5.6.2, 6.6.1 and 8.6, and RFC 9112, section 6.2, have it. */
function malformed({ status, fields }: Reply): string | undefined {
  const count = (wanted: string): number =>
    fields.filter(([name]) => name === wanted).length;
  if (count("content-length") + count("transfer-encoding") > 1)
    return "a reply tells its length twice";
  if (status >= 200 && status < 400 && count("date") !== 1)
    return "a reply has no date, or several";
  if (status < 200 && count("content-length") > 0)
    return "an interim reply has a length";
  const bad = fields.find(([name]) => !/^[!#$%&'*+\-.^_`|~\w]+$/.test(name));
  return bad && `a reply has a field ${JSON.stringify(bad)}`;
}

type Judge = (conversation: Conversation, played: Played) => string | undefined;

/** By what the conversation ends with; everything before is valid. */
const JUDGES: Readonly<Record<Message["outcome"]["kind"], Judge>> = {
  answer: judgeAnswers,
  refusal: judgeRefusal,
  unknown: judgeBeginning,
};

/** All of it, and nothing else. */
function judgeAnswers(
  { messages }: Conversation,
  { replies, calls, closed }: Played,
): string | undefined {
  const [expected, seen] = expectationsOf(messages);
  const closes = messages.flatMap(answerOf).some((answer) => answer.closes);
  if (closed !== closes && replies.length >= expected.length)
    return `the connection is ${closed ? "closed" : "open"}`;
  return (
    differentReply(expected, replies) ??
    (replies.length < expected.length
      ? `${expected.length} replies must come, not ${replies.length}`
      : differentCall(seen, calls))
  );
}

/**
 * What is answered before the last burst is sent. In the same packet as a request that it refuses, the engine loses
 * replies: nothing is sure of the last burst but the order.
 */
function judgeBeginning(
  conversation: Conversation,
  { replies, calls }: Played,
): string | undefined {
  const before = burstsOf(conversation).slice(0, -1).flat();
  const [expected, seen] = expectationsOf(before);
  if (replies.length < expected.length)
    return `${expected.length} replies must come at least, not ${replies.length}`;
  return (
    differentReply(expected, replies.slice(0, expected.length)) ??
    differentCall(seen, calls.slice(0, seen.length))
  );
}

/** Nobody was called for it, and the connection is closed, after an error if there is one that the client could see. */
function judgeRefusal(
  conversation: Conversation,
  played: Played,
): string | undefined {
  const { replies, calls, closed } = played;
  const [expected, seen] = expectationsOf(conversation.messages);
  const error = replies.at(-1);
  const told = error !== undefined && error.status >= 400;
  const complete = calls.filter((call) => !call.endsWith(INCOMPLETE)); // the engine has cut that one short
  if (calls.length > seen.length)
    return `an application was called for an invalid request: ${JSON.stringify(calls.at(-1))}`;
  if (!closed) return "the connection stays open behind an invalid request";
  if (isSeen(conversation) && !(told && replies.length > expected.length))
    return "an invalid request gets no error";
  return (
    judgeBeginning(conversation, played) ??
    differentReply(expected, told ? replies.slice(0, -1) : replies) ??
    differentCall(seen.slice(0, complete.length), complete)
  );
}

/**
 * Whoever still sends may lose the error to the reset of the connection; whoever pipelines may lose it to the engine.
 */
function isSeen({ messages, joined, cuts }: Conversation): boolean {
  const small = messages.at(-1)!.bytes.length < 1400;
  return small && cuts.length === 0 && joined.at(-1) === false;
}

const answerOf = ({ outcome }: Message): Answer[] =>
  outcome.kind === "answer" ? [outcome] : [];

function expectationsOf(
  messages: readonly Message[],
): [replies: ExpectedReply[], calls: string[]] {
  const answers = messages.flatMap(answerOf);
  return [
    answers.flatMap(({ replies }) => replies),
    answers.flatMap(({ calls }) => calls),
  ];
}

function differentReply(
  expected: readonly ExpectedReply[],
  replies: readonly Reply[],
): string | undefined {
  for (const [i, { status, body }] of replies.entries()) {
    const wanted = expected[i];
    const which = `reply ${i + 1}`;
    if (wanted === undefined) return `${which}, a ${status}, answers nothing`;
    if (status !== wanted.status)
      return `${which} must be ${wanted.status}, not ${status}: ${JSON.stringify(body)}`;
    if (wanted.body !== undefined && body !== wanted.body)
      return `${which} must say\n${JSON.stringify(wanted.body)}, not\n${JSON.stringify(body)}`;
  }
  return undefined;
}

/** In any order: node:http calls for the next request before the one before is done. */
function differentCall(
  wanted: readonly string[],
  seen: readonly string[],
): string | undefined {
  const [expected, calls] = [wanted.toSorted(), seen.toSorted()];
  for (let i = 0; i < Math.max(expected.length, calls.length); i++)
    if (expected[i] !== calls[i])
      return `an application must see\n${JSON.stringify(expected[i])}, not\n${JSON.stringify(calls[i])}`;
  return undefined;
}
