/**
 * `first-store-server.js ENGINE KIND`: a server whose first request to `/enter` is the first in its process that enters
 * a store of AsyncLocalStorage. `/entered` answers when it has, `/go` lets it go on, `/other` says what others see.
 * `/asleep` waits until `/wakes` wakes it from where no store is used.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { action, call, scoped, sleep, spawn, until } from "effection";
import { Loop, stream, type Handler } from "../../lib/index.ts";
import { Gate } from "../support/gate.ts";

const [engine, kind] = process.argv.slice(2) as ["uws" | "node", string];
const user = new AsyncLocalStorage<string>();
const here = (): string => `${user.getStore()}`;
const [entered, go, asleep] = [new Gate(), new Gate(), new Gate()];
let wake: () => void;

function enter(): void {
  user.enterWith("ann");
  entered.open();
}

const KINDS: Record<string, Handler> = {
  "a handler": () => {
    enter();
    return here();
  },
  "an async handler": async () => {
    enter();
    await go.opened;
    return here();
  },
  "an operation": function* () {
    enter();
    yield* until(go.opened);
    return here();
  },
  "an async handler after a wait": async () => {
    await Promise.resolve();
    enter();
    await go.opened;
    return here();
  },
  "an operation after a wait": function* () {
    yield* call(() => Promise.resolve());
    enter();
    yield* until(go.opened);
    return here();
  },
  "a task of an operation": function* () {
    const task = yield* spawn(function* () {
      enter();
      yield* until(go.opened);
      return here();
    });
    const seen = yield* task;
    return here() === "undefined" ? seen : "a child's store got out";
  },
  "an operation that throws": function* () {
    try {
      yield* scoped(function* () {
        enter();
        throw new Error("no");
      });
    } catch {
      yield* until(go.opened);
    }
    return here();
  },
  "a stream": () =>
    stream(
      (async function* () {
        yield "";
        enter();
        await go.opened;
        yield here();
      })(),
    ),
  "a store that runs": () =>
    user.run("ann", async () => {
      entered.open();
      await go.opened;
      return here();
    }),
};

const loop = new Loop({ log: false });
loop.get("/enter", KINDS[kind]!);
loop.get("/entered", async () => {
  await entered.opened;
  return here();
});
loop.get("/go", () => {
  go.open();
  return here();
});
loop.get("/other", here);
loop.get("/asleep", function* () {
  yield* action<void>((resolve) => {
    wake = resolve;
    asleep.open();
    return () => {};
  });
  user.run("eve", () => {});
  yield* sleep(20);
  return here();
});
loop.get("/wakes", () =>
  user.run("bob", async () => {
    await asleep.opened;
    await pause(2);
    user.exit(wake);
    await pause(2);
    return here();
  }),
);
const { url } = await loop.listen({ port: 0, host: "127.0.0.1", engine });
process.send!({ url });
process.once("disconnect", () => process.exit());
