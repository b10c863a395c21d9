/** Conversation after conversation, until something is wrong. */
import { Arena } from "./arena.ts";
import { createConversation, requestsIn } from "./conversation.ts";

export interface Finding {
  /** Of the conversation; undefined when all of them together are wrong. */
  readonly seed: number | undefined;
  readonly problem: string;
}

interface Search {
  /** The first thing that is wrong. */
  readonly finding: Finding | undefined;
  /** What went wrong once, and well at the second look. */
  readonly flukes: readonly string[];
}

/** Conversations that are under way at a time. */
const CLIENTS = 16;

/** Plays conversations with `count` requests in all, from `seed` on. */
export async function search(
  seed: number,
  count: number,
  progress: (done: number) => void = () => {},
): Promise<Search> {
  const arena = await Arena.start();
  const findings: Finding[] = [];
  let [next, begun, done] = [seed, 0, 0];
  const converse = async (): Promise<void> => {
    while (begun < count && findings.length === 0) {
      const own = next++;
      const conversation = createConversation(own);
      const requests = requestsIn(conversation);
      begun += requests;
      const problem = await arena.check(conversation);
      if (problem !== undefined) findings.push({ seed: own, problem });
      progress((done += requests));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, converse));
  const total = await arena.close();
  const { flukes } = arena;
  if (findings.length > 0) return { finding: await culprit(findings), flukes };
  return {
    finding: total ? { seed: undefined, problem: total } : undefined,
    flukes,
  };
}

/** A server that crashes takes all conversations with it that are under way: the one that does it alone is to blame. */
async function culprit(findings: readonly Finding[]): Promise<Finding> {
  for (const { seed } of findings) {
    const arena = await Arena.start(5000);
    const problem = await arena.check(createConversation(seed!));
    await arena.close();
    if (problem !== undefined) return { seed, problem };
  }
  return findings[0]!;
}
