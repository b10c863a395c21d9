/** Contexts, from operations and from scopes. */
import type { Operation } from "effection";
import type { Topic } from "../../../support/stage.ts";

export const contexts: Topic = {
  "A context has its default, or none": {
    play: ({ scope, note, createContext }) =>
      scope.run(function* () {
        const none = createContext<string>("none");
        const some = createContext("some", "default");
        note(yield* none.get(), yield* some.get(), yield* some.expect());
        try {
          yield* none.expect();
        } catch (error) {
          note(error);
        }
      }),
    trace: ["undefined default default", "MissingContextError(none)"],
  },
  "A child sees the value of its parent, and its own does not leave it": {
    play: ({ scope, note, createContext, spawn, sleep }) =>
      scope.run(function* () {
        const name = createContext("name", "default");
        yield* name.set("parent");
        const child = yield* spawn(function* () {
          note("child", yield* name.get());
          note(yield* name.set("child"));
          yield* sleep(1);
          note("child", yield* name.get());
        });
        yield* sleep(0);
        note("parent", yield* name.get());
        yield* name.set("changed");
        yield* child;
        note("scope", scope.get(name));
      }),
    trace: [
      "child parent",
      "child",
      "parent parent",
      "child child",
      "scope default",
    ],
  },
  "A child sees what its parent sets later": {
    play: ({ scope, note, createContext, spawn, sleep }) =>
      scope.run(function* () {
        const name = createContext<string>("name");
        const child = yield* spawn(function* () {
          note(yield* name.get());
          yield* sleep(2);
          note(yield* name.get());
        });
        yield* sleep(1);
        yield* name.set("late");
        yield* child;
      }),
    trace: ["undefined", "late"],
  },
  "A deleted value lets the one above through": {
    play: ({ scope, note, createContext, spawn }) =>
      scope.run(function* () {
        const name = createContext("name", "default");
        yield* name.set("above");
        yield* yield* spawn(function* () {
          yield* name.set("own");
          note(yield* name.delete(), yield* name.get());
          note(yield* name.delete(), yield* name.get());
        });
      }),
    trace: ["true above", "true above"],
  },
  "with gives a value to an operation, and restores the one before": {
    play: ({ scope, note, createContext }) =>
      scope.run(function* () {
        const name = createContext("name", "default");
        for (const before of [undefined, "own"]) {
          if (before !== undefined) yield* name.set(before);
          const result = yield* name.with("inner", function* (value) {
            note(value, yield* name.get());
            return "result";
          });
          note(result, yield* name.get());
        }
      }),
    trace: ["inner inner", "result default", "inner inner", "result own"],
  },
  "with restores the value when the operation fails or is halted": {
    async play({ scope, note, createContext, ending, suspend }) {
      const name = createContext("name", "default");
      await scope.run(function* () {
        try {
          yield* name.with("inner", function* (): Operation<void> {
            throw new Error("inside");
          });
        } catch (error) {
          note(error, yield* name.get());
        }
      });
      const task = scope.run(function* () {
        try {
          yield* name.with("inner", suspend);
        } finally {
          note(yield* name.get());
        }
      });
      await ending("halt", task.halt());
    },
    trace: ["Error(inside) default", "default", "halt ends undefined"],
  },
  "A scope knows what is its own": {
    play: ({ scope, note, createContext, createScope }) => {
      const name = createContext<string | null>("name");
      const inner = createScope(scope);
      note(scope.hasOwn(name), inner.hasOwn(name));
      note(scope.set(name, "outer"));
      note(scope.hasOwn(name), inner.hasOwn(name), inner.get(name));
      inner.set(name, "inner");
      note(inner.delete(name), inner.get(name), inner.hasOwn(name));
      note(scope.expect(name));
      inner.set(name, null);
      note(inner.get(name), inner.hasOwn(name));
      scope.delete(name);
      note(scope.get(name), inner.get(name));
    },
    trace: [
      "false false",
      "outer",
      "true false outer",
      "true outer false",
      "outer",
      "undefined true",
      "undefined undefined",
    ],
  },
  "A value of undefined hides the one above, and leaves the default": {
    play({ scope, note, createContext, createScope }) {
      const name = createContext<string | undefined>("name", "default");
      const inner = createScope(createScope(scope));
      scope.set(name, "outer");
      inner.set(name, undefined);
      note(inner.get(name), inner.hasOwn(name));
      note(createScope(inner).get(name), scope.get(name));
    },
    trace: ["default true", "default outer"],
  },
  "A missing value is an error with the name of its context": {
    play({ scope, note, createContext }) {
      try {
        scope.expect(createContext("absent"));
      } catch (error) {
        note(error);
      }
    },
    trace: ["MissingContextError(absent)"],
  },
  "scoped keeps its values to itself": {
    play: ({ scope, note, createContext, scoped }) =>
      scope.run(function* () {
        const name = createContext("name", "default");
        yield* name.set("outer");
        yield* scoped(function* () {
          yield* name.set("inner");
          note(yield* name.get());
        });
        note(yield* name.get());
      }),
    trace: ["inner", "outer"],
  },
  "What is set on a scope between runs is seen by its tasks": {
    async play({ scope, note, createContext }) {
      const name = createContext<number>("name");
      for (const value of [1, 2]) {
        scope.set(name, value);
        note(await scope.run(() => name.expect()));
      }
    },
    trace: ["1", "2"],
  },
};
