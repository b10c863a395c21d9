/** The smallest conversation that still goes wrong. */
import type { Conversation } from "./conversation.ts";

/** `fails` tells what is wrong with a candidate. */
export async function shrink(
  conversation: Conversation,
  fails: (candidate: Conversation) => Promise<unknown>,
): Promise<Conversation> {
  for (const candidate of simpler(conversation))
    if ((await fails(candidate)) !== undefined) return shrink(candidate, fails);
  return conversation;
}

function* simpler(conversation: Conversation): Generator<Conversation> {
  const { messages, joined, cuts } = conversation;
  for (let i = 0; messages.length > 1 && i < messages.length; i++)
    yield {
      messages: messages.toSpliced(i, 1),
      joined: joined.toSpliced(i, 1).with(0, false),
      cuts,
    };
  if (cuts.length > 0) yield { ...conversation, cuts: [] };
  if (cuts.length > 1)
    for (const i of cuts.keys())
      yield { ...conversation, cuts: cuts.toSpliced(i, 1) };
  for (const [i, is] of joined.entries())
    if (is) yield { ...conversation, joined: joined.with(i, false) };
  for (const [i, message] of messages.entries())
    for (const simple of message.simpler())
      yield { ...conversation, messages: messages.with(i, simple) };
}
