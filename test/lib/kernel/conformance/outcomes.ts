/** How a task ends. */
import type { Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const outcomes: Topic = {
  "A task ends with the value that its operation returns": {
    play: ({ scope, ending, sleep }) =>
      ending(
        "task",
        scope.run(function* () {
          yield* sleep(1);
          return 5;
        }),
      ),
    trace: ["task ends 5"],
  },
  "A task that returns nothing ends with undefined": {
    play: ({ scope, ending }) =>
      ending(
        "task",
        scope.run(function* () {}),
      ),
    trace: ["task ends undefined"],
  },
  "A failing task tells the boundary, and then whoever waits for it": {
    play: ({ scope, ending, sleep }) =>
      ending(
        "task",
        scope.run(function* (): Operation<void> {
          yield* sleep(1);
          throw new TypeError("mine");
        }),
      ),
    trace: ["boundary TypeError(mine)", "task fails TypeError(mine)"],
  },
  "A task starts before run() returns": {
    play({ scope, note }) {
      scope.run(function* () {
        note("in the task");
      });
      note("after run");
    },
    trace: ["in the task", "after run"],
  },
  "A task that another one starts waits until that one yields": {
    play: ({ scope, note, sleep }) =>
      scope.run(function* () {
        scope.run(function* () {
          note("the other");
        });
        note("the first");
        yield* sleep(0);
        note("the first again");
      }),
    trace: ["the first", "the other", "the first again"],
  },
  "What is thrown keeps its identity, also when it is no error": {
    async play({ scope, note, until }) {
      for (const thrown of ["text", 0, null, undefined, { a: 1 }]) {
        const throwing = function* (): Operation<void> {
          throw thrown;
        };
        await scope.run(throwing).catch((error: unknown) => {
          note("promise", error === thrown);
        });
        await scope.run(function* () {
          try {
            yield* until(Promise.reject(thrown)); // oxlint-disable-line prefer-promise-reject-errors -- the subject
          } catch (error) {
            note("until", error === thrown);
          }
        });
      }
    },
    trace: [
      "boundary ThrownValueError(text)",
      "promise true",
      "until true",
      "boundary ThrownValueError(0)",
      "promise true",
      "until true",
      "boundary ThrownValueError(null)",
      "promise true",
      "until true",
      "boundary ThrownValueError(undefined)",
      "promise true",
      "until true",
      "boundary ThrownValueError([object Object])",
      "promise true",
      "until true",
    ],
  },
  "An operation that throws before its first step fails its task": {
    play: ({ scope, ending }) =>
      ending(
        "task",
        scope.run((): Operation<void> => {
          throw new Error("no operation");
        }),
      ),
    trace: ["boundary Error(no operation)", "task fails Error(no operation)"],
  },
  "An error can be caught where the operation is yielded": {
    play: ({ scope, note, call }) =>
      scope.run(function* () {
        try {
          yield* call(function* (): Operation<void> {
            throw new Error("inner");
          });
        } catch (error) {
          note("caught", error);
        } finally {
          note("finally");
        }
      }),
    trace: ["caught Error(inner)", "finally"],
  },
  "An iterator without throw() and return() can be an operation": {
    async play({ scope, ending, until, suspend }) {
      const once = (operation: Operation<unknown>): Operation<unknown> => ({
        [Symbol.iterator]: () => {
          const inner = operation[Symbol.iterator]();
          return { next: (value) => inner.next(value) };
        },
      });
      const parts = [
        until(Promise.resolve("value")),
        until(Promise.reject(new Error("rejected"))),
        suspend(),
      ];
      for (const part of parts) {
        const task = scope.run(() => once(part));
        if (part === parts[2]) await ending("halt", task.halt());
        await ending("task", task);
      }
    },
    trace: [
      "task ends value",
      "boundary TypeError(The iterator does not provide a 'throw' method.)",
      "task fails TypeError(The iterator does not provide a 'throw' method.)",
      "halt ends undefined",
      "task fails Error(halted)",
    ],
  },
};
