/** Tasks as operations and as promises. */
import type { Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const futures: Topic = {
  "A task is a promise, in name and in kind": {
    play({ scope, note, suspend }) {
      const task = scope.run(suspend);
      task.catch(() => {});
      note(task instanceof Promise, Object.prototype.toString.call(task));
      note(Object.prototype.toString.call(scope));
      note(task.halt() instanceof Promise);
      note(Object.prototype.toString.call(task.halt()));
    },
    trace: ["true [object Task]", "[object Scope]", "true", "[object Future]"],
  },
  "then, catch and finally work as those of a promise": {
    async play({ scope, note }) {
      const good = scope.run(function* () {
        return 1;
      });
      const bad = scope.run(function* (): Operation<number> {
        throw new Error("bad");
      });
      note(await good.then((value) => value + 1));
      note(
        await good.catch(() => 0),
        await good.finally(() => note("finally")),
      );
      note(await bad.catch((error: Error) => error.message));
      note(
        await bad.then(
          () => "never",
          () => "rejected",
        ),
      );
    },
    trace: ["boundary Error(bad)", "2", "finally", "1 1", "bad", "rejected"],
  },
  "halt needs no receiver": {
    async play({ scope, ending, suspend }) {
      const task = scope.run(suspend);
      const { halt } = task; // oxlint-disable-line unbound-method -- the subject
      await ending("halt", halt());
      await ending("task", task);
    },
    trace: ["halt ends undefined", "task fails Error(halted)"],
  },
  "A task is disposed of by halting it": {
    async play({ scope, note, ending, suspend }) {
      const task = scope.run(function* () {
        try {
          yield* suspend();
        } finally {
          note("finally");
        }
      });
      await ending("dispose", task[Symbol.asyncDispose]());
      await ending("task", task);
    },
    trace: ["finally", "dispose ends undefined", "task fails Error(halted)"],
  },
  "An outcome is delivered to operations before promises": {
    async play({ scope, note, sleep }) {
      const task = scope.run(() => sleep(1));
      const promise = task.then(() => note("promise"));
      const joiner = scope.run(function* () {
        yield* task;
        note("operation");
      });
      await Promise.all([promise, joiner]);
    },
    trace: ["operation", "promise"],
  },
  "Promises of several tasks settle in the order in which these end": {
    async play({ scope, note, sleep }) {
      const ends = [2, 1, 0].map((delay) =>
        scope
          .run(function* () {
            yield* sleep(delay);
            return delay;
          })
          .then((value) => note(value)),
      );
      await Promise.all(ends);
    },
    trace: ["0", "1", "2"],
  },
  "Microtasks of a join are counted the same": {
    async play({ scope, note, until }) {
      const task = scope.run(() => until(Promise.resolve("value")));
      const watch = task.then(() => note("task"));
      let count = Promise.resolve();
      for (let tick = 1; tick < 9; tick++) count = count.then(() => note(tick));
      await Promise.all([watch, count]);
    },
    trace: ["1", "2", "3", "task", "4", "5", "6", "7", "8"],
  },
  "A failed task that nobody looks at is no unhandled rejection": {
    async play({ scope, note, settle }) {
      const listener = (): void => note("unhandled");
      const others = process.listeners("unhandledRejection");
      process.removeAllListeners("unhandledRejection");
      process.on("unhandledRejection", listener);
      scope.run(function* (): Operation<void> {
        throw new Error("unseen");
      });
      await settle();
      process.removeAllListeners("unhandledRejection");
      for (const other of others) process.on("unhandledRejection", other);
    },
    trace: ["boundary Error(unseen)"],
  },
  "An operation can wait for the future of a destruction": {
    play: ({ scope, note, createScope, sleep, suspend }) =>
      scope.run(function* () {
        const inner = createScope(scope);
        inner.run(suspend).catch((error: unknown) => note(error));
        yield* sleep(1);
        const [, destroy] = inner;
        note(yield* destroy());
        note(yield* destroy());
      }),
    trace: ["undefined", "undefined", "Error(halted)"],
  },
  "A halt awaited as a promise fails as one": {
    async play({ scope, note, suspend }) {
      const task = scope.run(function* () {
        try {
          yield* suspend();
        } finally {
          throw new Error("cleanup"); // oxlint-disable-line no-unsafe-finally -- the subject
        }
      });
      try {
        await task.halt();
      } catch (error) {
        note("await", error);
      }
      await task.halt().catch((error: unknown) => note("catch", error));
    },
    trace: ["await Error(cleanup)", "catch Error(cleanup)"],
  },
};
