/** Waiting for something that is not a task. */
import type { Effect, Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const effects: Topic = {
  "call takes functions, promises and operations": {
    play: ({ scope, note, call, sleep }) =>
      scope.run(function* () {
        note(yield* call(() => "value"));
        note(yield* call(async () => "promise"));
        note(
          yield* call(function* () {
            yield* sleep(1);
            return "operation";
          }),
        );
        note(yield* call(() => [1, 2]), yield* call(() => "text"));
        note(yield* call(() => null), yield* call(() => undefined));
      }),
    trace: ["value", "promise", "operation", "[1, 2] text", "null undefined"],
  },
  "call fails as what it calls": {
    play: ({ scope, note, call }) =>
      scope.run(function* () {
        const calls: (() => Operation<void> | Promise<void>)[] = [
          () => {
            throw new Error("function");
          },
          async () => {
            throw new Error("promise");
          },
          function* () {
            throw new Error("operation");
          },
        ];
        for (const called of calls)
          try {
            yield* call(called as () => Operation<void>);
          } catch (error) {
            note(error);
          }
      }),
    trace: ["Error(function)", "Error(promise)", "Error(operation)"],
  },
  "action resolves or rejects once, and is discarded then": {
    play: ({ scope, note, action }) =>
      scope.run(function* () {
        note(
          yield* action<string>((resolve) => {
            resolve("value");
            return () => note("discarded");
          }),
        );
        try {
          yield* action((_, reject) => {
            setTimeout(reject, 1, new Error("rejected"));
            return () => note("discarded");
          });
        } catch (error) {
          note(error);
        }
      }),
    trace: ["value", "discarded", "Error(rejected)"],
  },
  "Of several outcomes that an action is given at once, the last counts, or the first if that is an error":
    {
      play: ({ scope, note, action }) =>
        scope.run(function* () {
          for (const errors of [
            [false, false],
            [true, false],
            [false, true],
          ])
            try {
              const value = yield* action<string>((resolve, reject) => {
                for (const [index, fails] of errors.entries())
                  if (fails) reject(new Error(`error ${index}`));
                  else resolve(`value ${index}`);
                return () => {};
              });
              note(value);
            } catch (error) {
              note(error);
            }
        }),
      trace: ["value 1", "Error(error 0)", "Error(error 1)"],
    },
  "An action that throws fails, when it starts and when it is discarded": {
    play: ({ scope, note, action }) =>
      scope.run(function* () {
        const actions = [
          action<void>(() => {
            throw new Error("start");
          }),
          action<void>((resolve) => {
            setTimeout(resolve, 1);
            return () => {
              throw new Error("discard");
            };
          }),
        ];
        for (const part of actions)
          try {
            yield* part;
          } catch (error) {
            note(error);
          }
      }),
    trace: ["Error(start)", "Error(discard)"],
  },
  "An action that fails to be discarded fails the halt": {
    async play({ scope, ending, action }) {
      const task = scope.run(() =>
        action(() => () => {
          throw new Error("discard");
        }),
      );
      await ending("halt", task.halt());
      await ending("task", task);
    },
    trace: ["halt fails Error(discard)", "task fails Error(discard)"],
  },
  "until gives the value or the error of a promise": {
    play: ({ scope, note, until, later }) =>
      scope.run(function* () {
        note(yield* until(later(1, "value")));
        try {
          yield* until(Promise.reject(new Error("rejected")));
        } catch (error) {
          note(error);
        }
      }),
    trace: ["value", "Error(rejected)"],
  },
  "lift makes an operation of a function": {
    play: ({ scope, note, lift }) =>
      scope.run(function* () {
        note(yield* lift((a: number) => a * 2)(4));
        try {
          yield* lift(() => {
            throw new Error("lifted");
          })();
        } catch (error) {
          note(error);
        }
      }),
    trace: ["8", "Error(lifted)"],
  },
  "sleep lasts as long as it says, and suspend for ever": {
    play: ({ scope, note, race, sleep, suspend, spawn }) =>
      scope.run(function* () {
        for (const delay of [3, 1, 2])
          yield* spawn(function* () {
            yield* sleep(delay);
            note(delay);
          });
        yield* race([suspend(), sleep(5)]);
        note("woken");
      }),
    trace: ["1", "2", "3", "woken"],
  },
  "withResolvers resolves for all who wait, once": {
    play: ({ scope, note, withResolvers, spawn, sleep }) =>
      scope.run(function* () {
        const gate = withResolvers<string>();
        for (const name of ["a", "b"])
          yield* spawn(function* () {
            note(name, yield* gate.operation);
          });
        yield* sleep(1);
        gate.resolve("first");
        gate.reject(new Error("second"));
        yield* sleep(1);
        note("later", yield* gate.operation);
      }),
    trace: ["a first", "b first", "later first"],
  },
  "withResolvers rejects for all who wait": {
    play: ({ scope, note, withResolvers, scoped }) =>
      scope.run(function* () {
        const gate = withResolvers<void>();
        setTimeout(() => gate.reject(new Error("rejected")), 1);
        for (const _ of [1, 2])
          try {
            yield* scoped(() => gate.operation);
          } catch (error) {
            note(error);
          }
      }),
    trace: ["Error(rejected)", "Error(rejected)"],
  },
  "A hand-written effect sees its task, and may exit later": {
    async play({ scope, note, ending, Ok }) {
      const waiting: Effect<string> = {
        description: "waiting",
        enter(resolve, routine) {
          note(routine.scope.hasOwn !== undefined);
          setTimeout(() => resolve(Ok("value")), 1);
          return (exited) => {
            note("exits");
            setTimeout(() => exited(Ok()), 2);
          };
        },
      };
      const wait = function* (): Operation<string> {
        return (yield waiting) as string;
      };
      await ending("task", scope.run(wait));
      await ending("halt", scope.run(wait).halt());
    },
    trace: [
      "true",
      "exits",
      "task ends value",
      "true",
      "exits",
      "halt ends undefined",
    ],
  },
  "An effect that has resolved at once is left with the wait behind it": {
    async play({ scope, note, ending, Ok, sleep, spawn }) {
      const atOnce: Effect<string> = {
        description: "at once",
        enter(resolve) {
          resolve(Ok("value"));
          return (exited) => {
            note("exits");
            exited(Ok());
          };
        },
      };
      await ending(
        "task",
        scope.run(function* () {
          const ended = yield* spawn(function* () {});
          yield* sleep(1);
          note(yield atOnce);
          yield* ended.halt();
          return "done";
        }),
      );
    },
    trace: ["value", "exits", "task ends done"],
  },
  "An effect that fails to exit fails its task": {
    async play({ scope, ending, Ok, Err }) {
      const wait = function* (): Operation<unknown> {
        return yield {
          description: "stuck",
          enter(resolve) {
            setTimeout(() => resolve(Ok()), 1);
            return (exited) => exited(Err(new Error("exit")));
          },
        };
      };
      await ending("task", scope.run(wait));
      await ending("halt", scope.run(wait).halt());
    },
    trace: [
      "boundary Error(exit)",
      "task fails Error(exit)",
      "halt fails Error(exit)",
    ],
  },
  "An effect that fails to exit later fails its task then": {
    async play({ scope, ending, later, Ok, Err }) {
      const wait = function* (): Operation<unknown> {
        return yield {
          description: "stuck for a while",
          enter(resolve) {
            setTimeout(() => resolve(Ok()), 1);
            return (exited) =>
              void later(1, Err<void>(new Error("exit"))).then(exited);
          },
        };
      };
      await ending("task", scope.run(wait));
      await ending("halt", scope.run(wait).halt());
    },
    trace: [
      "boundary Error(exit)",
      "task fails Error(exit)",
      "halt fails Error(exit)",
    ],
  },
};
