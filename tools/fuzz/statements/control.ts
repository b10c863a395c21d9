/** The language: sequence, failure, cleanup. */
import { time, type Kinds } from "./kind.ts";

const THROWN = [
  "new Error('e')",
  "new TypeError('t')",
  "'text'",
  "undefined",
  "0",
];

export const control: Kinds = {
  note: { weight: 2, in: "outside", text: (id) => `note(${id});` },
  sleep: {
    weight: 10,
    args: (random) => [time(random)],
    text: (id, [ms]) => `yield* sleep(${ms}); note(${id}, "slept");`,
  },
  suspend: { weight: 1, text: () => "yield* suspend();" },
  throw: {
    weight: 1.2,
    args: (random) => [random.pick(THROWN)],
    text: (_, [value]) => `throw ${value};`,
  },
  return: { weight: 0.4, text: (id) => `return "r${id}";` },
  catch: {
    weight: 9,
    blocks: ["task", "task"],
    text: (id, _, [body, handler]) =>
      `try { ${body} } catch (error) { note(${id}, "caught", error); ${handler} }`,
  },
  finally: {
    weight: 6,
    blocks: ["task", "task"],
    text: (id, _, [body, cleanup]) =>
      `try { ${body} } finally { note(${id}, "finally"); ${cleanup} note(${id}, "cleaned"); }`,
  },
};
