/** Tasks: start, join, halt, in each way there is. */
import { operation, task, type Kinds } from "./kind.ts";
import type { Random } from "../random.ts";

const named = (random: Random): string[] => [task(random)];
const SETTLED = (id: number): string =>
  `(value) => note(${id}, "fulfilled", value), (error) => note(${id}, "rejected", error)`;

export const tasks: Kinds = {
  spawn: {
    weight: 18,
    args: named,
    blocks: ["task"],
    text: (id, [name], [body]) =>
      `${name} = yield* spawn(${operation(id, body)});`,
  },
  join: {
    weight: 4,
    args: named,
    text: (id, [name]) => `if (${name}) note(${id}, "joined", yield* ${name});`,
  },
  joinPromise: {
    weight: 1.2,
    args: named,
    text: (id, [name]) =>
      `if (${name}) note(${id}, "joined", yield* until(${name}));`,
  },
  halt: {
    weight: 5,
    args: named,
    text: (id, [name]) =>
      `if (${name}) { yield* ${name}.halt(); note(${id}, "halted"); }`,
  },
  haltPromise: {
    weight: 2,
    args: named,
    text: (id, [name]) =>
      `if (${name}) { yield* until(${name}.halt()); note(${id}, "halted"); }`,
  },
  haltTwice: {
    weight: 1,
    args: named,
    text: (id, [name]) =>
      `if (${name}) { const halt = ${name}.halt(); yield* halt; note(${id}, "once"); yield* halt; note(${id}, "twice"); }`,
  },
  haltSpawned: {
    weight: 1,
    args: named,
    text: (_, [name]) => `if (${name}) yield* spawn(${name}.halt);`,
  },
  haltOutside: {
    weight: 2,
    in: "outside",
    args: named,
    text: (id, [name]) => `${name}?.halt().then(${SETTLED(id)});`,
  },
  haltUnobserved: {
    weight: 0.3,
    in: "outside",
    args: named,
    text: (_, [name]) => `${name}?.halt().finally(() => {});`,
  },
  haltNotWaitedFor: {
    weight: 0.3,
    in: "outside",
    args: named,
    text: (_, [name]) => `${name}?.halt();`,
  },
  watch: {
    weight: 2,
    in: "outside",
    args: named,
    text: (id, [name]) => `${name}?.then(${SETTLED(id)});`,
  },
  watchUnobserved: {
    weight: 0.3,
    in: "outside",
    args: named,
    text: (id, [name]) => `${name}?.finally(() => note(${id}, "over"));`,
  },
};
