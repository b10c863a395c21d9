/** Decorated scopes (effection/experimental). */
import { createApi } from "effection/experimental";
import type { Topic } from "../../../support/stage.ts";

export const middleware: Topic = {
  "around sees the scopes that are made and destroyed below it": {
    async play({ scope, note, api, createScope, spawn, scoped }) {
      const outer = createScope(scope);
      outer.around(api.Scope, {
        create(args, next) {
          note("create");
          return next(...args);
        },
        *destroy(args, next) {
          note("destroy");
          yield* next(...args);
          note("destroyed");
        },
      });
      await outer.run(function* () {
        yield* yield* spawn(function* () {
          note("child");
        });
        yield* scoped(function* () {
          note("scoped");
        });
        note("body");
      });
      note("over");
      await outer[Symbol.asyncDispose]();
    },
    trace: [
      "create",
      "create",
      "child",
      "destroy",
      "destroyed",
      "create",
      "scoped",
      "destroy",
      "destroyed",
      "body",
      "destroy",
      "destroyed",
      "over",
      "destroy",
      "destroyed",
    ],
  },
  "around sees the values that a program sets and deletes": {
    play: ({ scope, note, api, createContext, createScope }) => {
      const outer = createScope(scope);
      const name = createContext<string>("name");
      outer.around(api.Scope, {
        set(args, next) {
          const [, context, value] = args;
          if (context.name === "name") note("set", value);
          return next(...args);
        },
        delete(args, next) {
          const [, context] = args;
          if (context.name === "name") note("delete");
          return next(...args);
        },
      });
      return outer.run(function* () {
        yield* name.set("value");
        note(yield* name.get());
        yield* name.delete();
        note(yield* name.with("inner", () => name.get()));
      });
    },
    trace: ["set value", "value", "delete", "set inner", "delete", "inner"],
  },
  "around can change what is set": {
    play: ({ scope, note, api, createContext, createScope }) => {
      const outer = createScope(scope);
      const name = createContext<string>("name");
      outer.around(api.Scope, {
        set: ([owner, context, value], next) =>
          next(
            owner,
            context,
            (context.name === "name"
              ? `<${String(value)}>`
              : value) as typeof value,
          ),
      });
      return outer.run(function* () {
        note(yield* name.set("value"), yield* name.get());
      });
    },
    trace: ["<value> <value>"],
  },
  "Decorations at max come before those at min, and of these the last before the first":
    {
      async play({ scope, note, api, createScope }) {
        const outer = createScope(scope);
        const decorate = (name: string, at: "min" | "max"): void =>
          outer.around(
            api.Scope,
            {
              create(args, next) {
                note(name);
                return next(...args);
              },
            },
            { at },
          );
        decorate("max 1", "max");
        decorate("min 1", "min");
        decorate("max 2", "max");
        decorate("min 2", "min");
        await outer.run(function* () {});
      },
      trace: ["max 1", "max 2", "min 2", "min 1"],
    },
  "around reaches scopes that are there already, and not those beside it": {
    async play({ scope, note, api, createScope, suspend }) {
      const outer = createScope(scope);
      const beside = createScope(scope);
      const inner = createScope(outer);
      const task = inner.run(suspend);
      outer.around(api.Scope, {
        create(args, next) {
          note("create");
          return next(...args);
        },
        *destroy(args, next) {
          note("destroy");
          yield* next(...args);
        },
      });
      await beside.run(function* () {});
      note("beside");
      await inner.run(function* () {});
      note("inner");
      await task.halt();
    },
    trace: [
      "beside",
      "create",
      "destroy",
      "inner",
      "destroy",
      "destroy",
      "destroy",
    ],
  },
  "around works from within a task, by the operation of the api": {
    play: ({ scope, note, api, spawn, sleep }) =>
      scope.run(function* () {
        yield* api.Scope.around({
          create(args, next) {
            note("create");
            return next(...args);
          },
        });
        yield* spawn(function* () {
          yield* spawn(function* () {});
          yield* sleep(1);
        });
        yield* sleep(2);
      }),
    trace: ["create", "create"],
  },
  "A destroy that fails in the middleware fails the task": {
    play: ({ scope, ending, api, createScope }) => {
      const outer = createScope(scope);
      outer.around(api.Scope, {
        *destroy(args, next) {
          yield* next(...args);
          throw new Error("middleware");
        },
      });
      return ending(
        "task",
        outer.run(function* () {}),
      );
    },
    trace: [
      "boundary Error(middleware)",
      "task fails Error(middleware)",
      "destroy fails Error(middleware)",
    ],
  },
  "An api of one's own is decorated for a scope and those below it": {
    play({ scope, note, createScope, scoped }) {
      const greeting = createApi("greeting", {
        *greet(name: string) {
          return `hello ${name}`;
        },
      });
      const { greet } = greeting.operations;
      const outer = createScope(scope);
      outer.around(greeting, {
        *greet([name], next) {
          return `${yield* next(name.toUpperCase())}!`;
        },
      });
      return outer.run(function* () {
        note(yield* greet("outer"));
        yield* scoped(function* () {
          yield* greeting.around({
            *greet([name], next) {
              return yield* next(`dear ${name}`);
            },
          });
          note(yield* greet("inner"));
        });
        note(yield* greet("outer"));
        note(yield* yield* scope.spawn(() => greet("beside")));
      });
    },
    trace: [
      "hello OUTER!",
      "hello dear INNER!",
      "hello OUTER!",
      "hello beside",
    ],
  },
};
