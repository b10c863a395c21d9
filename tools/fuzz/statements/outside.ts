/** What happens outside of tasks, at once or later. */
import { time, type Kinds } from "./kind.ts";

export const outside: Kinds = {
  timer: {
    weight: 2,
    in: "outside",
    args: (random) => [time(random)],
    blocks: ["outside"],
    text: (_, [ms], [body]) => `setTimeout(() => { ${body} }, ${ms});`,
  },
  microtask: {
    weight: 1,
    in: "outside",
    blocks: ["outside"],
    text: (_, __, [body]) => `later().then(() => { ${body} });`,
  },
  haltRoot: { weight: 0.15, in: "outside", text: () => "haltRoot();" },
  destroyAll: { weight: 0.1, in: "outside", text: () => "destroyAll();" },
  atTime: {
    weight: 3,
    in: "act",
    args: (random) => [random.below(20) + 0.5],
    blocks: ["outside"],
    text: (_, [ms], [body]) => `setTimeout(() => { ${body} }, ${ms});`,
  },
  atEntry: {
    weight: 3,
    in: "act",
    args: (random) => [1 + random.below(35)],
    blocks: ["outside"],
    text: (_, [count], [body]) => `atEntry(${count}, () => { ${body} });`,
  },
  haltAtTime: {
    weight: 1,
    in: "act",
    args: (random) => [random.below(20)],
    text: (_, [ms]) => `setTimeout(haltRoot, ${ms});`,
  },
  haltAtEntry: {
    weight: 1.2,
    in: "act",
    args: (random) => [1 + random.below(35)],
    text: (_, [count]) => `atEntry(${count}, haltRoot);`,
  },
};
