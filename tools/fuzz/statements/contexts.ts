/** Values that tasks inherit. */
import type { Random } from "../random.ts";
import { scope, type Kinds } from "./kind.ts";

const named = (random: Random): string[] => [random.pick(["plain", "preset"])];

export const contexts: Kinds = {
  contextGet: {
    weight: 3,
    args: named,
    text: (id, [name]) => `note(${id}, "get", yield* ${name}.get());`,
  },
  contextExpect: {
    weight: 0.5,
    args: named,
    text: (id, [name]) => `note(${id}, "expect", yield* ${name}.expect());`,
  },
  contextSet: {
    weight: 3,
    args: named,
    text: (id, [name]) => `note(${id}, "set", yield* ${name}.set("v${id}"));`,
  },
  contextDelete: {
    weight: 1,
    args: named,
    text: (id, [name]) => `note(${id}, "delete", yield* ${name}.delete());`,
  },
  contextWith: {
    weight: 2,
    args: named,
    blocks: ["task"],
    text: (id, [name], [body]) =>
      `note(${id}, "with", yield* ${name}.with("w${id}", function* (value) { note(${id}, value); ${body} }));`,
  },
  contextOwn: {
    weight: 1,
    args: named,
    text: (id, [name]) =>
      `{ const scope = yield* useScope(); note(${id}, scope.hasOwn(${name}), scope.get(${name})); }`,
  },
  contextOutside: {
    weight: 0.6,
    in: "outside",
    args: (random) => [scope(random), ...named(random)],
    text: (id, [owner, name]) =>
      `if (${owner}) { note(${id}, ${owner}.hasOwn(${name}), ${owner}.get(${name})); ${owner}.set(${name}, "o${id}"); }`,
  },
  contextDeleteOutside: {
    weight: 0.3,
    in: "outside",
    args: (random) => [scope(random), ...named(random)],
    text: (id, [owner, name]) =>
      `if (${owner}) note(${id}, ${owner}.delete(${name}));`,
  },
};
