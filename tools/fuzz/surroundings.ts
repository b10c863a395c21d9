/** What is around a program: a busy host, and failures that nobody looks at. */
import type { Scope } from "effection";
import { stock } from "../../test/support/worlds.ts";

export type Note = (...what: unknown[]) => void;

/** A scope of effection itself, in which something is always going on. */
export function openHost(note: Note): {
  scope: Scope;
  end: () => Promise<void>;
} {
  const { createScope, sleep, spawn } = stock.operations;
  const scope = createScope();
  scope.run(function* () {
    for (let count = 0; count < 6; count++) {
      yield* sleep(1);
      note("host", count);
      yield* spawn(function* () {
        yield* sleep(2);
        note("child of the host", count);
      });
    }
  });
  return { scope, end: async () => await scope[Symbol.asyncDispose]() };
}

/** Takes over from whoever listens, so that a failure nobody looks at is part of the trace and ends nothing. */
export function catchUnhandled(listener: (error: unknown) => void): () => void {
  const names = ["unhandledRejection", "uncaughtException"] as const;
  const others = names.map((name) =>
    process.listeners(name as "uncaughtException"),
  );
  for (const name of names) {
    process.removeAllListeners(name);
    process.on(name, listener);
  }
  return () => {
    names.forEach((name, index) => {
      process.removeAllListeners(name);
      for (const other of others[index]!) process.on(name, other);
    });
  };
}
