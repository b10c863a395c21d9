/** What a case promises, and what was seen, in the same words: to be compared as they are. */
import type { Case, End, Expected } from "./case.ts";
import type { Observed } from "./play.ts";
import type { Reply } from "./replies.ts";

export interface Outcome {
  replies: Partial<Expected>[];
  /** How many replies were there after each step. */
  counts: readonly number[];
  end: End;
  /** Bytes that belong to no reply. */
  rest: string;
  /** How often an application was called. */
  calls: number;
  /** Of these, the ones that nobody was answered for. */
  unanswered: string[];
}

export function promised({ steps, end }: Case): Outcome {
  const replies = steps.flatMap((step) => step.replies);
  const unanswered = steps.flatMap(({ called }) => called);
  let count = 0;
  return {
    replies: replies.map(mentioned),
    counts: steps.map((step) => (count += step.replies.length)),
    end,
    rest: "",
    calls: replies.filter(fromApplication).length + unanswered.length,
    unanswered,
  };
}

/** What was seen of that which the case speaks of; and all replies that it does not speak of. */
export function seen(
  { steps }: Case,
  { replies, calls, ...rest }: Observed,
): Outcome {
  const expected = steps.flatMap((step) => step.replies);
  const unanswered = steps.flatMap(({ called }) => called);
  return {
    ...rest,
    replies: replies.map((reply, i) => restrict(reply, expected[i])),
    calls: calls.length,
    unanswered: unanswered.filter((call) => calls.includes(call)),
  };
}

/** The applications under test never refuse. */
function fromApplication({ status, own }: Expected): boolean {
  return !own && status >= 200 && status < 400;
}

function mentioned({ status, fields, body }: Expected): Partial<Expected> {
  return { status, fields, ...(body !== undefined && { body }) };
}

function restrict(
  { status, fields, body }: Reply,
  expected: Expected | undefined,
): Partial<Expected> {
  if (expected === undefined) return { status, body };
  return {
    status,
    fields: expected.fields.map(([name]) => [name, valueOf(name, fields)]),
    ...(expected.body !== undefined && { body }),
  };
}

function valueOf(name: string, fields: Reply["fields"]): string {
  const values = fields.filter(([found]) => found === name);
  return values.map(([, value]) => value).join(" and ") || "none";
}
