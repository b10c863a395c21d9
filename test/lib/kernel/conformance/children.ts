/** Tasks of tasks. */
import type { Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const children: Topic = {
  "A child starts when its parent next waits, and ends with its parent": {
    play: ({ scope, note, spawn, sleep, suspend }) =>
      scope.run(function* () {
        yield* spawn(function* () {
          note("child starts");
          try {
            yield* suspend();
          } finally {
            note("child ends");
          }
        });
        note("spawned");
        yield* sleep(1);
        note("parent ends");
      }),
    trace: ["spawned", "child starts", "parent ends", "child ends"],
  },
  "Children are halted one after the other, the last one first": {
    play: ({ scope, note, spawn, sleep, suspend }) =>
      scope.run(function* () {
        for (const name of ["a", "b", "c"])
          yield* spawn(function* () {
            try {
              yield* suspend();
            } finally {
              note(name, "goes");
              yield* sleep(1);
              note(name, "gone");
            }
          });
        yield* sleep(1);
      }),
    trace: ["c goes", "c gone", "b goes", "b gone", "a goes", "a gone"],
  },
  "A halted parent runs its own finally before those of its children": {
    async play({ scope, note, ending, spawn, sleep, suspend }) {
      const task = scope.run(function* () {
        try {
          yield* spawn(function* () {
            try {
              yield* suspend();
            } finally {
              note("child");
            }
          });
          yield* suspend();
        } finally {
          yield* sleep(1);
          note("parent");
        }
      });
      await ending("halt", task.halt());
    },
    trace: ["parent", "child", "halt ends undefined"],
  },
  "A failing child fails its parent and halts its siblings": {
    play: ({ scope, note, ending, spawn, sleep, suspend }) =>
      ending(
        "parent",
        scope.run(function* () {
          yield* spawn(function* () {
            try {
              yield* suspend();
            } finally {
              note("sibling");
            }
          });
          yield* spawn(function* (): Operation<void> {
            yield* sleep(1);
            throw new Error("child");
          });
          try {
            yield* suspend();
          } catch {
            note("not caught here");
          } finally {
            note("parent");
          }
        }),
      ),
    trace: [
      "parent",
      "sibling",
      "boundary Error(child)",
      "parent fails Error(child)",
    ],
  },
  "The error of a child cannot be caught around spawn, but around scoped": {
    play: ({ scope, note, scoped, spawn, suspend }) =>
      scope.run(function* () {
        try {
          yield* scoped(function* () {
            yield* spawn(function* (): Operation<void> {
              throw new Error("child");
            });
            yield* suspend();
          });
        } catch (error) {
          note("caught", error);
        }
      }),
    trace: ["caught Error(child)"],
  },
  "A failing child unwinds its parent, which cannot catch the error where it joins":
    {
      play: ({ scope, note, ending, spawn, sleep }) =>
        ending(
          "parent",
          scope.run(function* () {
            const child = yield* spawn(function* (): Operation<void> {
              yield* sleep(1);
              throw new Error("child");
            });
            try {
              yield* child;
            } catch (error) {
              note("joined", error);
            } finally {
              note("finally");
            }
            note("goes on");
          }),
        ),
      trace: ["finally", "boundary Error(child)", "parent fails Error(child)"],
    },
  "Joining gives the value, also afterwards and twice": {
    play: ({ scope, note, spawn, sleep }) =>
      scope.run(function* () {
        const child = yield* spawn(function* () {
          yield* sleep(1);
          return 7;
        });
        note(yield* child);
        note(yield* child);
      }),
    trace: ["7", "7"],
  },
  "Joining a halted child throws": {
    play: ({ scope, note, spawn, suspend }) =>
      scope.run(function* () {
        const child = yield* spawn(suspend);
        yield* child.halt();
        try {
          yield* child;
        } catch (error) {
          note(error);
        }
      }),
    trace: ["Error(halted)"],
  },
  "Two siblings can wait for each other's cleanup": {
    play: ({ scope, note, spawn, sleep, suspend }) =>
      scope.run(function* () {
        const first = yield* spawn(function* () {
          try {
            yield* suspend();
          } finally {
            yield* sleep(3);
            note("first");
          }
        });
        yield* spawn(function* () {
          try {
            yield* suspend();
          } finally {
            yield* first.halt();
            note("second");
          }
        });
        yield* sleep(1);
      }),
    trace: ["first", "second"],
  },
  "A child that fails while its parent is torn down fails the halt": {
    async play({ scope, ending, spawn, suspend }) {
      const task = scope.run(function* () {
        yield* spawn(function* () {
          try {
            yield* suspend();
          } finally {
            throw new Error("late"); // oxlint-disable-line no-unsafe-finally -- the subject
          }
        });
        yield* suspend();
      });
      await ending("halt", task.halt());
      await ending("task", task);
    },
    trace: ["halt fails Error(late)", "task fails Error(late)"],
  },
  "A child spawned in a finally is halted with the rest": {
    async play({ scope, note, ending, spawn, sleep, suspend }) {
      const task = scope.run(function* () {
        try {
          yield* suspend();
        } finally {
          yield* spawn(function* () {
            note("late child");
            try {
              yield* suspend();
            } finally {
              note("late child ends");
            }
          });
          yield* sleep(1);
        }
      });
      await ending("halt", task.halt());
    },
    trace: ["late child", "late child ends", "halt ends undefined"],
  },
};
