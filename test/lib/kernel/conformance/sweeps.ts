/** One program, with a halt, a failure or a look at every point of it. */
import type { Operation, Task } from "effection";
import type { Case, Stage, Topic } from "../../../support/stage.ts";

const POINTS = 30; // as many as the program notes, and some

/** A little of everything. `step` notes. */
function* program(stage: Stage, step: Stage["note"]): Operation<string> {
  const { all, call, ensure, race, resource, scoped, sleep, spawn, suspend } =
    stage;
  step("starts");
  yield* ensure(function* () {
    step("ensured");
    yield* sleep(1);
    step("ensured at last");
  });
  const child = yield* spawn(function* () {
    step("child");
    try {
      yield* sleep(3);
      return "child";
    } finally {
      step("child ends");
      yield* sleep(1);
      step("child is clean");
    }
  });
  step("spawned");
  const opened = yield* resource<string>(function* (provide) {
    step("opens");
    yield* sleep(1);
    try {
      yield* provide("resource");
    } finally {
      step("closes");
    }
  });
  step(opened);
  try {
    const scopeValue = yield* scoped(function* () {
      yield* ensure(() => step("scope ends"));
      yield* spawn(function* () {
        try {
          step("in the scope");
          yield* suspend();
        } finally {
          yield* sleep(1);
          step("not in the scope");
        }
      });
      return yield* race([sleep(5), call(() => stage.later(1, "called"))]);
    });
    step(scopeValue);
    step(yield* all([child, call(() => "other")]));
  } catch (error) {
    step("caught", error);
  } finally {
    step("finally");
    yield* sleep(1);
    step("cleaned");
  }
  step("ends");
  return "value";
}

/** Runs it, and does something at the point; each point has a case. */
function sweep(
  does: string,
  act: (stage: Stage, task: () => Task<string>) => void,
): [string, Case][] {
  return Array.from({ length: POINTS }, (_, point) => [
    `At note ${point + 1}, a program ${does}`,
    {
      async play(stage) {
        let count = 0;
        const step: Stage["note"] = (...what) => {
          stage.note(...what);
          if (count++ === point) act(stage, () => task);
        };
        const task: Task<string> = stage.scope.run(function* () {
          yield* stage.sleep(0); // so that there is a task to act upon
          return yield* program(stage, step);
        });
        await stage.ending("task", task);
      },
    },
  ]);
}

export const sweeps: Topic = Object.fromEntries([
  ...sweep(
    "is halted",
    ({ ending }, task) => void ending("halt", task().halt()),
  ),
  ...sweep(
    "is halted a microtask later",
    ({ ending }, task) =>
      void Promise.resolve().then(() => ending("halt", task().halt())),
  ),
  ...sweep(
    "is halted by another task",
    ({ scope, note }, task) =>
      void scope.run(function* () {
        yield* task().halt();
        note("halted by another");
      }),
  ),
  ...sweep("fails", () => {
    throw new Error("injected");
  }),
]);
