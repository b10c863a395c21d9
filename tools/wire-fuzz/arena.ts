/** The two servers, and conversations with both. */
import { compare } from "./compare.ts";
import { bytesOf, type Conversation } from "./conversation.ts";
import { judge } from "./judge.ts";
import type { Message } from "./message.ts";
import { PATIENT, play, QUICK, type Pace, type Played } from "./play.ts";
import type { Totals } from "./served.ts";
import { Subject } from "./subject.ts";

export class Arena {
  /** What went wrong once, and well at the second look. */
  readonly flukes: string[] = [];
  readonly #eddy: Subject;
  readonly #node: Subject;

  private constructor(eddy: Subject, node: Subject) {
    this.#eddy = eddy;
    this.#node = node;
  }

  /** A server whose event loop does not come round in so many milliseconds hangs. */
  static async start(hangsMs = 30_000): Promise<Arena> {
    const [eddy, node] = await Promise.all([
      Subject.start("eddy", hangsMs),
      Subject.start("node", hangsMs),
    ]);
    return new Arena(eddy, node);
  }

  /** One of the servers is gone: nothing more can be said about anything. */
  get broken(): boolean {
    return (this.#eddy.crash ?? this.#node.crash) !== undefined;
  }

  /** What is wrong, if anything is, at every pace. */
  async check(
    conversation: Conversation,
    paces: readonly Pace[] = [QUICK, PATIENT],
  ): Promise<string | undefined> {
    let problem: string | undefined;
    for (const pace of paces) {
      const before = problem;
      problem = await this.#look(conversation, pace);
      if (problem === undefined && before !== undefined)
        this.flukes.push(before);
      if (problem === undefined || this.broken) return problem;
    }
    return problem;
  }

  /** Ends both servers. Gives what is wrong with what eddy has counted. */
  async close(): Promise<string | undefined> {
    const totals = this.broken ? undefined : await this.#eddy.close();
    this.#eddy.kill();
    this.#node.kill();
    return totals?.tally === undefined
      ? "eddy does not end"
      : disagreement(totals.tally, totals.lines);
  }

  async #look(
    conversation: Conversation,
    pace: Pace,
  ): Promise<string | undefined> {
    const { messages } = conversation;
    const played = await play(conversation, this.#eddy, pace);
    const problem =
      this.#eddy.crash ??
      judge(conversation, played) ??
      unlogged(messages, played);
    if (problem !== undefined || !messages.every(isComparable)) return problem;
    const whole = { ...conversation, cuts: [] }; // node:http is here to be compared with, not to be tested
    const other = await play(whole, this.#node, pace);
    const wrong = this.#node.crash ?? judge(whole, other);
    if (wrong !== undefined) return `on node:http, ${wrong}`;
    return compare(bytesOf(messages), played, other);
  }
}

/** Each valid request has its access line; of others nobody knows how many they are. */
function unlogged(
  messages: readonly Message[],
  { methods }: Played,
): string | undefined {
  const asked = messages.map(({ outcome }) =>
    outcome.kind === "answer" ? outcome.method : "",
  );
  if (asked.includes("")) return undefined;
  const [expected, lines] = [asked.toSorted(), methods.toSorted()];
  return expected.join(" ") === lines.join(" ")
    ? undefined
    : `the access log must have ${expected.join(" ")}, not ${lines.join(" ")}`;
}

/** Invalid ones are not: node:http lets more of them pass, or calls applications before it refuses them. */
function isComparable({ outcome }: Message): boolean {
  return outcome.kind === "answer"
    ? outcome.comparable
    : outcome.kind === "unknown";
}

/** Each request that was accepted has one outcome, and one access line. */
function disagreement(
  tally: NonNullable<Totals["tally"]>,
  lines: Totals["lines"],
): string | undefined {
  const { accepted, ...outcomes } = tally;
  const sum = Object.values(outcomes).reduce((a, b) => a + b, 0);
  const logged = Object.entries(outcomes).every(
    ([outcome, count]) => (lines[outcome] ?? 0) === count,
  );
  return sum === accepted && logged
    ? undefined
    : `the counts do not agree: ${JSON.stringify({ tally, lines })}`;
}
