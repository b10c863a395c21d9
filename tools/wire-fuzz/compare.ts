/** What became on eddy of requests that nobody can judge, beside what became of them on node:http. */
import { exceptions } from "./exceptions.ts";
import type { Played } from "./play.ts";
import { INCOMPLETE } from "./served.ts";

/** What is wrong with it; undefined: nothing, or there is a name for it. */
export function compare(
  bytes: string,
  eddy: Played,
  node: Played,
): string | undefined {
  const problem = misread(eddy, node) ?? unanswered(eddy, node);
  const known = exceptions.some(({ covers }) => covers(bytes, eddy));
  return known ? undefined : problem;
}

/** Eddy took something for a request that node:http did not, or took it for another one. */
function misread(eddy: Played, node: Played): string | undefined {
  const unmatched = [...node.calls];
  for (const call of eddy.calls) {
    const at = unmatched.findIndex((other) => matches(call, other));
    if (at < 0)
      return `node:http lets no application see\n${JSON.stringify(call)}, but\n${JSON.stringify(node.calls)}`;
    unmatched.splice(at, 1);
  }
  return undefined;
}

/** Node:http finds nothing wrong with it, and answers; eddy does neither answer nor refuse. */
function unanswered(eddy: Played, node: Played): string | undefined {
  const valid = node.replies.every(({ status }) => status < 400);
  return valid && !eddy.closed && eddy.replies.length < node.replies.length
    ? `node:http gives ${node.replies.length} replies, and here come ${eddy.replies.length}`
    : undefined;
}

/** One of them may have been cut short by what came behind. */
function matches(call: string, other: string): boolean {
  if (call === other) return true;
  const [short, long] = call.endsWith(INCOMPLETE)
    ? [call, other]
    : [other, call];
  const begin = short.slice(0, -INCOMPLETE.length);
  return short.endsWith(INCOMPLETE) && long.startsWith(begin);
}
