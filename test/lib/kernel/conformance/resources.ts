/** Resources. */
import type { Operation, Scope } from "effection";
import type { Stage, Topic } from "../../../support/stage.ts";

const connection = ({ resource, note, sleep }: Stage, name: string) =>
  resource<string>(function* (provide) {
    note("opening", name);
    yield* sleep(1);
    try {
      yield* provide(name);
    } finally {
      note("closing", name);
      yield* sleep(1);
      note("closed", name);
    }
  });

export const resources: Topic = {
  "A resource lasts until its task ends, and the last is closed first": {
    play: (stage) =>
      stage.scope.run(function* () {
        stage.note(yield* connection(stage, "a"));
        stage.note(yield* connection(stage, "b"));
        stage.note("body ends");
      }),
    trace: [
      "opening a",
      "a",
      "opening b",
      "b",
      "body ends",
      "closing b",
      "closed b",
      "closing a",
      "closed a",
    ],
  },
  "A resource in scoped is closed when that ends": {
    play: (stage) =>
      stage.scope.run(function* () {
        const value = yield* stage.scoped(() => connection(stage, "a"));
        stage.note("after", value);
      }),
    trace: ["opening a", "closing a", "closed a", "after a"],
  },
  "A resource that is being closed goes on with that, though its scope is destroyed meanwhile":
    {
      async play(stage) {
        const { scope, note, useScope, sleep } = stage;
        const inner = stage.withResolvers<Scope>();
        const owner = scope.run(function* () {
          inner.resolve(yield* useScope());
          yield* connection(stage, "a");
          note("body ends");
        });
        await scope.run(function* () {
          const owned = yield* inner.operation;
          yield* sleep(1);
          note("destroying");
          yield* stage.api.Scope.operations.destroy(owned);
          note("destroyed");
        });
        await stage.ending("owner", owner);
      },
      trace: [
        "opening a",
        "body ends",
        "closing a",
        "destroying",
        "closed a",
        "destroyed",
        "owner ends undefined",
      ],
    },
  "A resource that fails to open fails where it is asked for": {
    play: ({ scope, note, resource }) =>
      scope.run(function* () {
        try {
          yield* resource(function* (): Operation<void> {
            throw new Error("no connection");
          });
        } catch (error) {
          note("caught", error);
        }
      }),
    trace: ["caught Error(no connection)"],
  },
  "A resource that fails later fails its task": {
    play: ({ scope, note, ending, resource, spawn, sleep, suspend }) =>
      ending(
        "task",
        scope.run(function* () {
          yield* resource<void>(function* (provide) {
            yield* spawn(function* (): Operation<void> {
              yield* sleep(1);
              throw new Error("connection lost");
            });
            yield* provide();
          });
          try {
            yield* suspend();
          } finally {
            note("finally");
          }
        }),
      ),
    trace: [
      "finally",
      "boundary Error(connection lost)",
      "task fails Error(connection lost)",
    ],
  },
  "A task halted while a resource opens closes it": {
    async play(stage) {
      const { scope, ending, resource, note, suspend } = stage;
      const task = scope.run(() =>
        resource<void>(function* () {
          try {
            yield* suspend();
          } finally {
            note("closed while opening");
          }
        }),
      );
      await ending("halt", task.halt());
    },
    trace: ["closed while opening", "halt ends undefined"],
  },
  "A resource that fails to close fails the halt of its task": {
    async play({ scope, ending, resource, suspend }) {
      const task = scope.run(function* () {
        yield* resource<void>(function* (provide) {
          try {
            yield* provide();
          } finally {
            throw new Error("stuck"); // oxlint-disable-line no-unsafe-finally -- the subject
          }
        });
        yield* suspend();
      });
      await ending("halt", task.halt());
      await ending("task", task);
    },
    trace: ["halt fails Error(stuck)", "task fails Error(stuck)"],
  },
};
