/** race, all, allSettled. */
import type { Operation } from "effection";
import type { Stage, Topic } from "../../../support/stage.ts";

/** Ends after a time, and tells when it is halted instead. */
function* runner(
  { note, sleep }: Stage,
  name: string,
  delay: number,
  fails = false,
): Operation<string> {
  let over = false;
  try {
    yield* sleep(delay);
    over = true;
    if (fails) throw new Error(name);
    return name;
  } finally {
    note(name, over ? "is over" : "is halted");
  }
}

export const combining: Topic = {
  "race gives the first value and halts the others": {
    play: (stage) =>
      stage.ending(
        "race",
        stage.scope.run(() =>
          stage.race([
            runner(stage, "slow", 5),
            runner(stage, "quick", 1),
            runner(stage, "slower", 9),
          ]),
        ),
      ),
    trace: [
      "quick is over",
      "slow is halted",
      "slower is halted",
      "race ends quick",
    ],
  },
  "race fails when the first to end fails": {
    play: (stage) =>
      stage.ending(
        "race",
        stage.scope.run(() =>
          stage.race([runner(stage, "a", 5), runner(stage, "b", 1, true)]),
        ),
      ),
    trace: [
      "b is over",
      "a is halted",
      "boundary Error(b)",
      "race fails Error(b)",
    ],
  },
  "Of those that are there at once, race takes the first": {
    play: ({ scope, ending, race, until, call }) =>
      ending(
        "race",
        scope.run(() =>
          race([until(Promise.resolve("a")), call(() => "b"), call(() => "c")]),
        ),
      ),
    trace: ["race ends b"],
  },
  "race waits for the cleanup of those who lost": {
    play: ({ scope, note, ending, race, sleep, suspend }) =>
      ending(
        "race",
        scope.run(() =>
          race([
            sleep(1),
            (function* () {
              try {
                yield* suspend();
              } finally {
                yield* sleep(3);
                note("lost and clean");
              }
            })(),
          ]),
        ),
      ),
    trace: ["lost and clean", "race ends undefined"],
  },
  "A loser that fails in its cleanup does not fail the race": {
    play: ({ scope, ending, race, sleep, suspend }) =>
      ending(
        "race",
        scope.run(() =>
          race([
            sleep(1),
            (function* () {
              try {
                yield* suspend();
              } finally {
                throw new Error("loser"); // oxlint-disable-line no-unsafe-finally -- the subject
              }
            })(),
          ]),
        ),
      ),
    trace: ["race ends undefined"],
  },
  "A halted race halts all who run": {
    async play(stage) {
      const task = stage.scope.run(() =>
        stage.race([runner(stage, "a", 5), runner(stage, "b", 5)]),
      );
      await stage.ending("halt", task.halt());
    },
    trace: ["b is halted", "a is halted", "halt ends undefined"],
  },
  "What the winner of a race spawned is halted before the race ends": {
    play: ({ scope, note, race, spawn, sleep, suspend }) =>
      scope.run(function* () {
        const winner = yield* race([
          (function* () {
            yield* spawn(function* () {
              try {
                yield* suspend();
              } finally {
                note("child of the winner");
              }
            });
            yield* sleep(1);
            return "winner";
          })(),
        ]);
        note(winner);
        yield* sleep(1);
      }),
    trace: ["child of the winner", "winner"],
  },
  "all gives the values in the order of the operations": {
    play: (stage) =>
      stage.ending(
        "all",
        stage.scope.run(() =>
          stage.all([
            runner(stage, "a", 3),
            runner(stage, "b", 1),
            stage.call(() => "c"),
          ]),
        ),
      ),
    trace: ["b is over", "a is over", "all ends [a, b, c]"],
  },
  "all of nothing is there at once": {
    play: ({ scope, ending, all, allSettled }) =>
      ending(
        "empty",
        scope.run(function* () {
          return [yield* all([]), yield* allSettled([])];
        }),
      ),
    trace: ["empty ends [[], []]"],
  },
  "all fails with the first error, and the others are halted": {
    play: (stage) =>
      stage.scope.run(function* () {
        try {
          yield* stage.all([
            runner(stage, "a", 5),
            runner(stage, "b", 1, true),
            runner(stage, "c", 9),
          ]);
        } catch (error) {
          stage.note("caught", error);
        }
      }),
    trace: ["b is over", "a is halted", "c is halted", "caught Error(b)"],
  },
  "A halted all halts its operations in reverse order": {
    async play(stage) {
      const task = stage.scope.run(() =>
        stage.all([runner(stage, "a", 5), runner(stage, "b", 5)]),
      );
      await stage.ending("halt", task.halt());
    },
    trace: ["b is halted", "a is halted", "halt ends undefined"],
  },
  "allSettled gives what each came to": {
    play: (stage) =>
      stage.ending(
        "settled",
        stage.scope.run(() =>
          stage.allSettled([
            runner(stage, "a", 3),
            runner(stage, "b", 1, true),
          ]),
        ),
      ),
    trace: [
      "b is over",
      "a is over",
      "settled ends [{ok: true, value: a}, {ok: false, error: Error(b)}]",
    ],
  },
};
