/** What one client says on one connection. */
import { Random } from "../fuzz/random.ts";
import { createRequest } from "./create.ts";
import { createFault } from "./faults.ts";
import type { Message } from "./message.ts";
import { createMutant } from "./mutants.ts";

export interface Conversation {
  readonly messages: readonly Message[];
  /** Whether a message is sent right behind the one before, or when that is answered. */
  readonly joined: readonly boolean[];
  /** Where the bytes of all messages are cut into pieces, each of which the server reads before the next is sent. */
  readonly cuts: readonly number[];
}

export function createConversation(seed: number): Conversation {
  const random = new Random(seed);
  const messages = createMessages(random);
  const joining = random.pick([0, 0.5, 1]);
  const joined = messages.map(
    (_, i) => i > 0 && mayJoin(messages, i) && random.chance(joining),
  );
  return { messages, joined, cuts: createCuts(random, bytesOf(messages)) };
}

/**
 * Not behind a reply that takes a turn or is the last: the engine closes the connection. Nor, where the engine may put
 * an error of its own in the place of replies, behind HEAD: nobody could tell whether it has a body.
 */
function mayJoin(messages: readonly Message[], index: number): boolean {
  const [before, next] = [messages[index - 1]!, messages[index]!];
  if (before.outcome.kind !== "answer" || before.outcome.waits) return false;
  if (before.outcome.closes || next.outcome.kind === "unknown") return false;
  const heads = messages.filter(answersHead);
  return next.outcome.kind === "answer" || heads.length === 0;
}

const answersHead = ({ outcome }: Message): boolean =>
  outcome.kind === "answer" && outcome.replies.some(({ head }) => head);

/** Valid ones, and often something else at the end: what comes behind a mistake is not comparable. */
function createMessages(random: Random): Message[] {
  const count = random.pick([1, 1, 2, 3, 5, 10, 30]);
  const end = random.pick([undefined, undefined, createFault, createMutant]);
  const valid = Array.from({ length: count }, (_, i) =>
    createRequest(random, end === undefined && i === count - 1),
  );
  return end === undefined ? valid : [...valid.slice(1), end(random)];
}

/** None, some, or everywhere in a stretch. */
function createCuts(random: Random, { length }: string): number[] {
  const [from, stretch] = [random.below(length), random.below(40)];
  const cuts = random.pick([
    () => [],
    () =>
      Array.from({ length: 1 + random.below(5) }, () => random.below(length)),
    () => Array.from({ length: stretch }, (_, i) => from + i),
  ])();
  return [...new Set(cuts)]
    .filter((cut) => cut > 0 && cut < length)
    .sort((a, b) => a - b);
}

export function bytesOf(messages: readonly Message[]): string {
  return messages.map(({ bytes }) => bytes).join("");
}

/** How much it adds to the count. */
export function requestsIn({ messages }: Conversation): number {
  return messages.reduce((sum, { requests }) => sum + requests, 0);
}
