/** Scopes and what can be done with them. */
import type { Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const scopes: Topic = {
  "useScope gives the scope of the task, in which run() starts a child": {
    play: ({ scope, note, useScope, suspend, sleep }) =>
      scope.run(function* () {
        const own = yield* useScope();
        own.run(function* () {
          try {
            yield* suspend();
          } finally {
            note("child halted");
          }
        });
        yield* sleep(1);
        note((yield* useScope()) === own, own === scope);
      }),
    trace: ["true false", "child halted"],
  },
  "Destroying a scope halts its tasks in reverse order and keeps their owner": {
    async play({ scope, note, ending, createScope, suspend }) {
      const inner = createScope(scope);
      for (const name of ["a", "b"])
        void ending(
          name,
          inner.run(function* () {
            try {
              yield* suspend();
            } finally {
              note(name, "finally");
            }
          }),
        );
      await ending("destroy", inner[Symbol.asyncDispose]());
      await ending("again", inner[Symbol.asyncDispose]());
      note(
        await scope.run(function* () {
          return "alive";
        }),
      );
    },
    trace: [
      "b finally",
      "a finally",
      "b fails Error(halted)",
      "a fails Error(halted)",
      "destroy ends undefined",
      "again ends undefined",
      "alive",
    ],
  },
  "A scope is also a pair of itself and its destructor": {
    async play({ scope, note, ending, createScope, suspend }) {
      const inner = createScope(scope);
      const [same, destroy] = inner;
      note(same === inner, [...inner].length);
      const task = inner.run(suspend);
      await ending("destroy", destroy());
      await ending("task", task);
    },
    trace: ["true 2", "destroy ends undefined", "task fails Error(halted)"],
  },
  "Destroying tells the last error of a cleanup, after all of it has run": {
    async play({ scope, note, ending, createScope, suspend }) {
      const inner = createScope(scope);
      for (const name of ["a", "b", "c"])
        void ending(
          name,
          inner.run(function* () {
            try {
              yield* suspend();
            } finally {
              note(name);
              if (name !== "c") throw new Error(name); // oxlint-disable-line no-unsafe-finally -- the subject
            }
          }),
        );
      await ending("destroy", inner[Symbol.asyncDispose]());
    },
    trace: [
      "c",
      "b",
      "a",
      "boundary Error(a)",
      "c fails Error(halted)",
      "b fails Error(b)",
      "a fails Error(a)",
      "destroy fails Error(a)",
    ],
  },
  "A scope ends with the task in which it was made": {
    play: ({ scope, note, createScope, useScope, suspend, sleep }) =>
      scope.run(function* () {
        const inner = createScope(yield* useScope());
        inner.run(function* () {
          try {
            yield* suspend();
          } finally {
            yield* sleep(1);
            note("inner");
          }
        });
        yield* sleep(1);
        note("outer ends");
      }),
    trace: ["outer ends", "inner"],
  },
  "A task that fails in a scope of a task fails that task": {
    play: ({ scope, ending, createScope, useScope, suspend }) =>
      ending(
        "task",
        scope.run(function* () {
          const inner = createScope(yield* useScope());
          inner.run(function* (): Operation<void> {
            throw new Error("inner");
          });
          yield* suspend();
        }),
      ),
    trace: ["boundary Error(inner)", "task fails Error(inner)"],
  },
  "scope.spawn starts a task of that scope, which outlives the one that spawned it":
    {
      play: ({ scope, note, createScope, sleep }) =>
        scope.run(function* () {
          const inner = createScope(scope);
          const spawner = scope.run(function* () {
            return yield* inner.spawn(function* () {
              yield* sleep(2);
              return "outlived";
            });
          });
          const task = yield* spawner;
          yield* sleep(1);
          note("spawner is over");
          note(yield* task);
        }),
      trace: ["spawner is over", "outlived"],
    },
  "A task can still be run in a scope that is destroyed": {
    async play({ scope, note, ending, createScope, sleep }) {
      const inner = createScope(scope);
      await inner[Symbol.asyncDispose]();
      await ending(
        "task",
        inner.run(function* () {
          yield* sleep(1);
          note("runs");
          return 1;
        }),
      );
    },
    trace: ["runs", "task ends 1"],
  },
  "What a cleanup starts in a scope that is being destroyed is halted, too": {
    async play({ scope, note, ending, createScope, sleep, suspend }) {
      const inner = createScope(scope);
      inner.run(function* () {
        try {
          yield* suspend();
        } finally {
          inner.run(function* () {
            note("late");
            try {
              yield* suspend();
            } finally {
              note("late and halted");
            }
          });
          yield* sleep(1);
          note("clean");
        }
      });
      await ending("destroy", inner[Symbol.asyncDispose]());
    },
    trace: ["late", "clean", "late and halted", "destroy ends undefined"],
  },
  "Nested scopes are destroyed from the last made to the first": {
    async play({ scope, note, ending, createScope, suspend }) {
      const outer = createScope(scope);
      const parts = {
        outer,
        left: createScope(outer),
        right: createScope(outer),
      };
      for (const [name, part] of Object.entries(parts))
        part
          .run(function* () {
            try {
              yield* suspend();
            } finally {
              note(name);
            }
          })
          .catch(() => {});
      await ending("destroy", outer[Symbol.asyncDispose]());
    },
    trace: ["outer", "right", "left", "destroy ends undefined"],
  },
  "A scope can be destroyed from within one of its tasks": {
    async play({ scope, note, ending, createScope, sleep }) {
      const inner = createScope(scope);
      const [, destroy] = inner;
      const task = inner.run(function* () {
        yield* sleep(1);
        try {
          yield* destroy();
        } finally {
          note("unwinds");
        }
        note("never");
      });
      await ending("task", task);
      await ending("destroy", inner[Symbol.asyncDispose]());
    },
    trace: ["unwinds", "task fails Error(halted)", "destroy ends undefined"],
  },
  "A halt during a destruction waits for the same cleanup": {
    async play({ scope, note, ending, createScope, sleep, suspend }) {
      const inner = createScope(scope);
      const task = inner.run(function* () {
        try {
          yield* suspend();
        } finally {
          yield* sleep(2);
          note("clean");
        }
      });
      const destroyed = ending("destroy", inner[Symbol.asyncDispose]());
      await ending("halt", task.halt());
      await destroyed;
    },
    trace: ["clean", "destroy ends undefined", "halt ends undefined"],
  },
  "run starts a task of its own, outside of any scope": {
    play: ({ note, ending, run, sleep }) =>
      ending(
        "run",
        run(function* () {
          yield* sleep(1);
          note("runs");
          return "global";
        }),
      ),
    trace: ["runs", "run ends global"],
  },
};
