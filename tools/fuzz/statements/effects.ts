/** Where a task waits for something that is not a task. */
import { isExcluded } from "../exclusions.ts";
import { time, type Kinds } from "./kind.ts";

const PROMISES = [
  "Promise.resolve('p')",
  "Promise.resolve().then(() => 'p')",
  "Promise.reject(new Error('p'))",
  "later(0, 'p')",
  "later(1, 'p')",
  "later(2, 'p')",
  "later(3, 'p')",
  "later(2).then(() => { throw new Error('p'); })",
];
const CALLED = [
  "() => 'c'",
  "() => [1, 2]",
  "() => { throw new Error('c'); }",
  "async () => 'c'",
  "async () => { await null; throw 'c'; }",
  "function* () { yield* sleep(1); return 'c'; }",
  "() => sleep(2)",
  "() => null",
];
const ENTERED = {
  now: "resolve('x');",
  twice: "resolve('x'); reject(new Error('x')); resolve('y');",
  fails: "reject(new Error('x'));",
  throws: "throw new Error('x');",
  later: "setTimeout(resolve, 2, 'x');",
  failsLater: "setTimeout(reject, 2, new Error('x'));",
  soon: "queueMicrotask(() => resolve('x'));",
  never: "",
};
const EXITED = {
  now: "exited(Ok());",
  later: "setTimeout(exited, 1, Ok());",
  fails: "exited(Err(new Error('exit')));",
  failsLater: "setTimeout(exited, 1, Err(new Error('exit')));",
};

export const effects: Kinds = {
  until: {
    weight: 4,
    args: (random) => [random.pick(PROMISES)],
    text: (id, [promise]) => `note(${id}, "until", yield* until(${promise}));`,
  },
  call: {
    weight: 2,
    args: (random) => [random.pick(CALLED)],
    text: (id, [called]) => `note(${id}, "call", yield* call(${called}));`,
  },
  callBody: {
    weight: 2,
    blocks: ["task"],
    text: (id, _, [body]) =>
      `note(${id}, "call", yield* call(function* () { ${body} }));`,
  },
  action: {
    weight: 3,
    args: (random) => [
      random.pick([ENTERED.now, ENTERED.later, ...Object.values(ENTERED)]),
      random.chance(0.1) ? "throw new Error('discard');" : "",
    ],
    text: (id, [entered, discarded]) =>
      `note(${id}, "action", yield* action((resolve, reject) => {
        ${entered}
        return () => { note(${id}, "discarded"); ${discarded} };
      }));`,
  },
  actionActs: {
    weight: 1,
    args: (random) => [
      random.pick(["resolve('x');", "setTimeout(resolve, 1);"]),
    ],
    blocks: ["outside", "outside"],
    text: (id, [entered], [enter, exit]) =>
      `note(${id}, "action", yield* action((resolve) => {
        ${enter} ${entered}
        return () => { note(${id}, "discarded"); ${exit} };
      }));`,
  },
  effect: {
    weight: 2,
    args: (random) => {
      const names = (): string[] => [
        random.pick(Object.keys(ENTERED)),
        random.pick(["now", "later", ...Object.keys(EXITED)]),
      ];
      let choice = names();
      while (isExcluded("effect", choice)) choice = names();
      return choice;
    },
    text: (id, [entered, exited]) =>
      `note(${id}, "effect", yield {
        description: "effect ${id}",
        enter(settle) {
          const resolve = (value) => settle(Ok(value)), reject = (error) => settle(Err(error));
          ${ENTERED[entered as keyof typeof ENTERED]}
          return (exited) => { note(${id}, "exits"); ${EXITED[exited as keyof typeof EXITED]} };
        },
      });`,
  },
  lift: {
    weight: 0.7,
    args: (random) => [random.pick(["value", "[value]", "fail(value)"])],
    text: (id, [value]) =>
      `note(${id}, "lift", yield* lift((value) => ${value})(${id}));`,
  },
  lifted: {
    weight: 0.5,
    blocks: ["outside"],
    text: (id, _, [body]) =>
      `yield* lift(() => { note(${id}, "lifted"); ${body} })();`,
  },
  wait: {
    weight: 1.2,
    text: (id) => `note(${id}, "gate", yield* gate.operation);`,
  },
  resolve: {
    weight: 2,
    in: "outside",
    text: (id) => `gate.resolve("g${id}");`,
  },
  reject: {
    weight: 0.4,
    in: "outside",
    text: () => `gate.reject(new Error("gate"));`,
  },
  async: {
    weight: 1,
    args: (random) => [time(random)],
    text: (id, [ms]) =>
      `note(${id}, "async", yield* until(later(${ms}).then(() => ${id})));`,
  },
};
