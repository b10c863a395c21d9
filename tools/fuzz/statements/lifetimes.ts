/** What lasts as long as the scope around it. */
import { operation, type Kinds } from "./kind.ts";

export const lifetimes: Kinds = {
  ensure: {
    weight: 4,
    blocks: ["task"],
    text: (id, _, [body]) => `yield* ensure(${operation(id, body)});`,
  },
  ensurePlain: {
    weight: 1.5,
    blocks: ["outside"],
    text: (id, _, [body]) =>
      `yield* ensure(() => { note(${id}, "ensured"); ${body} });`,
  },
  ensureFails: {
    weight: 0.5,
    text: (id) =>
      `yield* ensure(() => { note(${id}, "ensured"); throw new Error("ensure"); });`,
  },
  resource: {
    weight: 4,
    blocks: ["task", "task"],
    text: (id, _, [open, close]) =>
      `note(${id}, "acquired", yield* resource(function* (provide) {
        note(${id}, "opens"); ${open}
        try { yield* provide("r${id}"); } finally { note(${id}, "closes"); ${close} note(${id}, "closed"); }
      }));`,
  },
  resourceWithoutValue: {
    weight: 0.4,
    blocks: ["task"],
    text: (id, _, [open]) =>
      `note(${id}, "acquired", yield* resource(function* () { note(${id}, "opens"); ${open} }));`,
  },
  scoped: {
    weight: 4,
    blocks: ["task"],
    text: (id, _, [body]) =>
      `note(${id}, "scoped", yield* scoped(${operation(id, body)}));`,
  },
  abortSignal: {
    weight: 1.5,
    text: (id) =>
      `(yield* useAbortSignal()).addEventListener("abort", () => note(${id}, "aborted"));`,
  },
  abortSignalActs: {
    weight: 0.5,
    blocks: ["outside"],
    text: (id, _, [body]) =>
      `(yield* useAbortSignal()).addEventListener("abort", () => { note(${id}, "aborted"); ${body} });`,
  },
  using: {
    weight: 0.7,
    text: (id) =>
      `yield* using({ [Symbol.dispose]() { note(${id}, "disposed"); } });`,
  },
  usingPromise: {
    weight: 0.7,
    text: (id) =>
      `yield* using({ async [Symbol.asyncDispose]() { note(${id}, "disposing"); await null; note(${id}, "disposed"); } });`,
  },
};
