/** Halts, wherever a task is when they come. */
import type { Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const halting: Topic = {
  "A halted task runs its finally and nothing after it, and fails as halted": {
    async play({ scope, note, ending, suspend }) {
      const task = scope.run(function* () {
        try {
          yield* suspend();
          note("after");
        } catch {
          note("catch");
        } finally {
          note("finally");
        }
        note("never");
      });
      await ending("halt", task.halt());
      await ending("task", task);
    },
    trace: ["finally", "halt ends undefined", "task fails Error(halted)"],
  },
  "A halt clears the timer of sleep and discards an action, and does not cancel a promise":
    {
      async play({ scope, note, timers, sleep, action, until, later }) {
        const sleeping = scope.run(() => sleep(5));
        note("timers", timers());
        await sleeping.halt();
        note("timers", timers());
        await scope
          .run(() => action<void>(() => () => note("discarded")))
          .halt();
        const promise = later(9, "kept");
        await scope.run(() => until(promise)).halt();
        note(await promise);
      },
      trace: ["timers 1", "timers 0", "discarded", "kept"],
    },
  "After the finally of an inner generator that yields, the outer one goes on":
    {
      async play({ scope, note, ending, sleep, suspend }) {
        function* inner(): Operation<void> {
          try {
            yield* suspend();
          } finally {
            yield* sleep(1);
            note("inner clean");
          }
        }
        const task = scope.run(function* () {
          yield* inner();
          note("outer goes on");
          return 1;
        });
        await ending("halt", task.halt());
        await ending("task", task);
      },
      trace: [
        "inner clean",
        "outer goes on",
        "halt ends undefined",
        "task fails Error(halted)",
      ],
    },
  "An error in the cleanup becomes the outcome of the halt, not of the boundary":
    {
      async play({ scope, ending, suspend }) {
        const task = scope.run(function* () {
          try {
            yield* suspend();
          } finally {
            throw new Error("cleanup"); // oxlint-disable-line no-unsafe-finally -- the subject
          }
        });
        await ending("halt", task.halt());
        await ending("task", task);
      },
      trace: ["halt fails Error(cleanup)", "task fails Error(cleanup)"],
    },
  "A value returned from a finally is ignored when the task is halted": {
    async play({ scope, ending, suspend }) {
      const task = scope.run(function* () {
        try {
          yield* suspend();
        } finally {
          return "value"; // oxlint-disable-line no-unsafe-finally -- the subject
        }
      });
      await ending("halt", task.halt());
      await ending("task", task);
    },
    trace: ["halt ends undefined", "task fails Error(halted)"],
  },
  "A task halted before its first step never starts": {
    play: ({ scope, note, spawn, ending }) =>
      scope.run(function* () {
        const task = yield* spawn(function* () {
          note("started");
        });
        yield* task.halt();
        void ending("task", task);
      }),
    trace: ["task fails Error(halted)"],
  },
  "A halt after the end changes nothing": {
    async play({ scope, ending }) {
      const good = scope.run(function* () {
        return 1;
      });
      const bad = scope.run(function* (): Operation<void> {
        throw new Error("bad");
      });
      for (const [name, task] of Object.entries({ good, bad })) {
        await ending(`halt ${name}`, task.halt());
        await ending(name, task);
      }
    },
    trace: [
      "boundary Error(bad)",
      "halt good ends undefined",
      "good ends 1",
      "halt bad ends undefined",
      "bad fails Error(bad)",
    ],
  },
  "halt() does nothing until somebody waits for it": {
    async play({ scope, note, settle, ending, suspend }) {
      const task = scope.run(function* () {
        try {
          yield* suspend();
        } finally {
          note("finally");
        }
      });
      const halt = task.halt();
      await settle();
      note("not yet");
      await ending("halt", halt);
    },
    trace: ["not yet", "finally", "halt ends undefined"],
  },
  "One halt can be waited for twice, by operations and by promises": {
    play: ({ scope, note, spawn, until, suspend }) =>
      scope.run(function* () {
        const task = yield* spawn(suspend);
        const halt = task.halt();
        note(yield* halt);
        note(yield* halt);
        note(yield* until(halt));
        note(yield* until(halt.catch(() => {})));
        note(yield* until(halt.finally(() => note("finally"))));
      }),
    trace: [
      "undefined",
      "undefined",
      "undefined",
      "undefined",
      "finally",
      "undefined",
    ],
  },
  "A task that halts itself cannot wait for it, and is halted": {
    async play({ scope, note, ending, sleep }) {
      const task = scope.run(function* (): Operation<void> {
        yield* sleep(1);
        yield* task.halt();
        note("after");
      });
      await ending("task", task);
    },
    trace: ["task fails Error(halted)"],
  },
  "A task that starts its own halt unwinds at its next yield": {
    async play({ scope, note, ending, sleep }) {
      const task = scope.run(function* (): Operation<void> {
        yield* sleep(1);
        void task.halt().then(() => note("halt ended"));
        note("still here");
        try {
          yield* sleep(1);
        } finally {
          note("finally");
        }
      });
      await ending("task", task);
    },
    trace: ["still here", "finally", "task fails Error(halted)", "halt ended"],
  },
  "A halt that comes while an effect is being left lets later waits be": {
    async play({ scope, note, ending, settle, ...operations }) {
      const { action, all, race, scoped, sleep, spawn, until, later } =
        operations;
      const waits: (() => Operation<unknown>)[] = [
        () => sleep(1),
        () => until(later(1, "until")),
        () => all([sleep(1), sleep(2)]),
        () => race([sleep(2), sleep(1)]),
        () => scoped(() => sleep(1)),
        function* () {
          return yield* yield* spawn(() => until(later(1, "joined")));
        },
        function* () {
          const task = yield* spawn(function* () {
            try {
              yield* sleep(9);
            } finally {
              yield* sleep(1);
              note("halted");
            }
          });
          yield* sleep(0);
          yield* task.halt();
        },
      ];
      for (const wait of waits) {
        const task = scope.run(function* () {
          try {
            yield* action<void>((resolve) => {
              setTimeout(resolve, 1);
              return () => void ending("halt", task.halt());
            });
          } finally {
            note(yield* wait());
          }
        });
        await task.catch(() => {});
        await settle();
      }
    },
  },
};
