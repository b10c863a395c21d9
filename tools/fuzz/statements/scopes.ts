/** Scopes that a program makes and ends itself. */
import { operation, scope, task, type Kinds } from "./kind.ts";
import type { Random } from "../random.ts";

const named = (random: Random): string[] => [scope(random)];
const both = (random: Random): string[] => [scope(random), task(random)];

export const scopes: Kinds = {
  openScope: {
    weight: 2.5,
    args: named,
    text: (_, [name]) => `${name} = createScope(yield* useScope());`,
  },
  takeScope: {
    weight: 1,
    args: named,
    text: (_, [name]) => `${name} = yield* useScope();`,
  },
  run: {
    weight: 2.5,
    in: "outside",
    args: both,
    blocks: ["task"],
    text: (id, [owner, name], [body]) =>
      `if (${owner}) ${name} = ${owner}.run(${operation(id, body)});`,
  },
  spawnIn: {
    weight: 2,
    args: both,
    blocks: ["task"],
    text: (id, [owner, name], [body]) =>
      `if (${owner}) ${name} = yield* ${owner}.spawn(${operation(id, body)});`,
  },
  destroy: {
    weight: 2,
    args: named,
    text: (id, [name]) =>
      `if (${name}?.[Symbol.asyncDispose]) { yield* ${name}[Symbol.asyncDispose](); note(${id}, "destroyed"); }`,
  },
  destroyPromise: {
    weight: 1,
    args: named,
    text: (id, [name]) =>
      `if (${name}?.[Symbol.iterator]) { const [, destroy] = ${name}; yield* until(destroy()); note(${id}, "destroyed"); }`,
  },
  destroyOutside: {
    weight: 1,
    in: "outside",
    args: named,
    text: (id, [name]) =>
      `${name}?.[Symbol.asyncDispose]?.().then(() => note(${id}, "destroyed"), (error) => note(${id}, "not destroyed", error));`,
  },
  around: {
    weight: 0.25,
    args: (random) => [random.pick(["max", "min"])],
    text: (id, [at]) => `(yield* useScope()).around(api.Scope, {
      create(args, next) { note(${id}, "create"); return next(...args); },
      *destroy(args, next) { note(${id}, "destroy"); yield* next(...args); note(${id}, "gone"); },
    }, { at: "${at}" });`,
  },
};
