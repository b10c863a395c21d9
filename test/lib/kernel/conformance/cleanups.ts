/** scoped, ensure, useAbortSignal, using. */
import type { Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const cleanups: Topic = {
  "What is ensured runs after the body and its children, the last first": {
    play: ({ scope, note, ensure, spawn, sleep, suspend }) =>
      scope.run(function* () {
        yield* ensure(() => note("plain"));
        yield* spawn(function* () {
          try {
            yield* suspend();
          } finally {
            note("child");
          }
        });
        yield* ensure(function* () {
          yield* sleep(1);
          note("operation");
        });
        yield* sleep(1);
        note("body ends");
      }),
    trace: ["body ends", "operation", "child", "plain"],
  },
  "An ensured operation completes when its task is halted, and others run though one fails":
    {
      async play({ scope, note, ending, ensure, sleep, suspend }) {
        const task = scope.run(function* () {
          yield* ensure(function* () {
            yield* sleep(2);
            note("first");
          });
          yield* ensure(() => {
            throw new Error("second");
          });
          yield* ensure(() => note("third"));
          yield* suspend();
        });
        await ending("halt", task.halt());
        await ending("task", task);
      },
      trace: [
        "third",
        "first",
        "halt fails Error(second)",
        "task fails Error(second)",
      ],
    },
  "Of several cleanups that fail, the last to run counts": {
    async play({ scope, ending, ensure, spawn, sleep, suspend }) {
      const ensuring = function* (): Operation<void> {
        for (const name of ["first", "second"])
          yield* ensure(() => {
            throw new Error(name);
          });
      };
      await ending("ensured", scope.run(ensuring));
      const parent = function* (): Operation<void> {
        for (const name of ["first", "second"])
          yield* spawn(function* () {
            try {
              yield* suspend();
            } finally {
              throw new Error(name); // oxlint-disable-line no-unsafe-finally -- the subject
            }
          });
        yield* sleep(1);
      };
      await ending("children", scope.run(parent));
    },
    trace: [
      "boundary Error(first)",
      "ensured fails Error(first)",
      "boundary Error(first)",
      "children fails Error(first)",
    ],
  },
  "A task that a cleanup starts in the scope that ends tells its failure to the boundary outside":
    {
      play: ({ scope, note, ending, ensure, sleep, useScope }) =>
        ending(
          "task",
          scope.run(function* () {
            const own = yield* useScope();
            yield* ensure(function* () {
              own.run(function* (): Operation<void> {
                throw new Error("late");
              });
              yield* sleep(1);
              note("cleaned");
            });
          }),
        ),
      trace: ["cleaned", "boundary Error(late)", "task fails Error(late)"],
    },
  "scoped ends with what its operation returns, after its children": {
    play: ({ scope, note, scoped, spawn, sleep, suspend }) =>
      scope.run(function* () {
        const value = yield* scoped(function* () {
          yield* spawn(function* () {
            try {
              yield* suspend();
            } finally {
              note("child");
            }
          });
          yield* sleep(1);
          return 3;
        });
        note("scoped", value);
      }),
    trace: ["child", "scoped 3"],
  },
  "The teardown of scoped completes though its task is halted in it": {
    async play({ scope, note, ending, scoped, ensure, sleep }) {
      const task = scope.run(function* () {
        yield* scoped(function* () {
          yield* ensure(function* () {
            yield* sleep(3);
            note("torn down");
          });
          yield* sleep(1);
        });
        note("never");
      });
      await scope.run(() => sleep(2));
      await ending("halt", task.halt());
    },
    trace: ["torn down", "halt ends undefined"],
  },
  "An abort signal is aborted when its task ends, fails or is halted": {
    async play({ scope, note, ending, useAbortSignal, suspend }) {
      const bodies: (() => Operation<void>)[] = [
        function* () {},
        function* () {
          throw new Error("fails");
        },
        suspend,
      ];
      for (const body of bodies) {
        const task = scope.run(function* () {
          const signal = yield* useAbortSignal();
          note("aborted", signal.aborted);
          signal.addEventListener("abort", () => note("abort"));
          yield* body();
        });
        if (body === suspend) await task.halt();
        await ending("task", task);
      }
    },
    trace: [
      "aborted false",
      "abort",
      "task ends undefined",
      "aborted false",
      "abort",
      "boundary Error(fails)",
      "task fails Error(fails)",
      "aborted false",
      "abort",
      "task fails Error(halted)",
    ],
  },
  "using disposes of a value at the end, in either way": {
    play: ({ scope, note, using, until, later }) =>
      scope.run(function* () {
        yield* using({ [Symbol.dispose]: () => note("disposed") });
        yield* using({
          async [Symbol.asyncDispose]() {
            await later(1, undefined);
            note("disposed asynchronously");
          },
        });
        yield* until(Promise.resolve());
        note("body ends");
      }),
    trace: ["body ends", "disposed asynchronously", "disposed"],
  },
};
