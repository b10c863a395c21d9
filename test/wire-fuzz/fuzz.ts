/** Conversation after conversation, until something is wrong. */
import { check, type Subjects } from "./check.ts";
import {
  createConversation,
  requestsIn,
  type Conversation,
} from "./conversation.ts";
import { burstsOf } from "./play.ts";
import { shrink } from "./shrink.ts";
import { Subject } from "./subject.ts";
import type { Totals } from "./served.ts";

export interface Finding {
  /** Of the conversation; undefined when all of them together are wrong. */
  readonly seed: number | undefined;
  readonly problem: string;
}

/** Conversations that are under way at a time. */
const CLIENTS = 16;

/** Plays conversations with `count` requests in all, from `seed` on. Gives the first thing that is wrong. */
export async function search(
  seed: number,
  count: number,
  progress: (done: number) => void = () => {},
): Promise<Finding | undefined> {
  const subjects = await startSubjects();
  const found: Finding[] = [];
  let [next, begun, done] = [seed, 0, 0];
  const converse = async (): Promise<void> => {
    while (begun < count && found.length === 0) {
      const own = next++;
      const conversation = createConversation(own);
      const requests = requestsIn(conversation);
      begun += requests;
      const problem = await check(conversation, subjects);
      if (problem !== undefined) found.push({ seed: own, problem });
      progress((done += requests));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, converse));
  const totals = await endSubjects(subjects);
  if (found.length > 0) return found[0];
  const problem = disagreement(totals);
  return problem === undefined ? undefined : { seed: undefined, problem };
}

async function startSubjects(): Promise<Subjects> {
  const [eddy, node] = await Promise.all([
    Subject.start("eddy"),
    Subject.start("node"),
  ]);
  return { eddy, node };
}

/** Gives what eddy has counted. */
async function endSubjects({
  eddy,
  node,
}: Subjects): Promise<Totals | undefined> {
  const totals = await eddy.close();
  eddy.kill();
  node.kill();
  return totals;
}

/** Each request that was accepted has one outcome, and one access line. */
function disagreement(totals: Totals | undefined): string | undefined {
  if (totals?.tally === undefined) return "eddy does not end";
  const { accepted, ...outcomes } = totals.tally;
  const sum = Object.values(outcomes).reduce((a, b) => a + b, 0);
  const lines = Object.entries(outcomes).every(
    ([outcome, count]) => (totals.lines[outcome] ?? 0) === count,
  );
  return sum === accepted && lines
    ? undefined
    : `the counts do not agree: ${JSON.stringify(totals)}`;
}

/** Makes it small, and tells it to people. */
export async function explain({ seed, problem }: Finding): Promise<string> {
  if (seed === undefined) return problem;
  let subjects = await startSubjects();
  const fails = async (
    candidate: Conversation,
  ): Promise<string | undefined> => {
    const problem = await check(candidate, subjects);
    if (subjects.eddy.crash !== undefined) {
      await endSubjects(subjects);
      subjects = await startSubjects();
    }
    return problem;
  };
  const smallest = await shrink(createConversation(seed), fails);
  const told = (await fails(smallest)) ?? `${problem} (once, and not again)`;
  await endSubjects(subjects);
  return [`Seed ${seed}: ${told}`, "sent:", ...show(smallest)].join("\n");
}

/** A line for each line that is sent; `--` where it waits for replies. */
function show(conversation: Conversation): string[] {
  const bursts = burstsOf(conversation).map((burst) =>
    burst
      .flatMap(({ bytes }) =>
        bytes.split(/(?<=\n)/).map((line) => `  ${JSON.stringify(line)}`),
      )
      .join("\n"),
  );
  return [
    bursts.join("\n  --\n"),
    `cut at: ${conversation.cuts.join(", ") || "nowhere"}`,
  ];
}
