/** Makes a finding small, and tells it to people. */
import { Arena } from "./arena.ts";
import { createConversation, type Conversation } from "./conversation.ts";
import type { Finding } from "./fuzz.ts";
import { BRISK, burstsOf } from "./play.ts";
import { shrink } from "./shrink.ts";

export async function explain({ seed, problem }: Finding): Promise<string> {
  if (seed === undefined) return problem;
  let arena = await Arena.start(1000);
  const fails = async (
    candidate: Conversation,
  ): Promise<string | undefined> => {
    const problem = await arena.check(candidate, [BRISK]);
    if (arena.broken) {
      await arena.close();
      arena = await Arena.start(1000);
    }
    return problem;
  };
  const smallest = await shrink(createConversation(seed), fails);
  const told = (await fails(smallest)) ?? `${problem} (and not again)`;
  await arena.close();
  const { cuts } = smallest;
  const where = cuts.length > 0 ? `, in pieces, cut at ${cuts.join(", ")}` : "";
  return [`Seed ${seed}: ${told}`, `sent${where}:`, show(smallest)].join("\n");
}

/** A line for each line that is sent; `--` where it waits for replies. */
function show(conversation: Conversation): string {
  const bursts = burstsOf(conversation).map((burst) => {
    const bytes = burst.map((message) => message.bytes).join("");
    const lines = bytes
      .split(/(?<=\n)/)
      .map((line) => `  ${JSON.stringify(line)}`);
    return lines.length > MOST ? [...lines.slice(0, MOST), "  …"] : lines;
  });
  return bursts.map((lines) => lines.join("\n")).join("\n  --\n");
}

/** Lines of a burst that are shown. */
const MOST = 60;
