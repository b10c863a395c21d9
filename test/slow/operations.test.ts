/**
 * The kernel and the operations of eddy/operations against effection's own: the same programs, halted at every turn of
 * the queue, must leave the same trace.
 */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import * as effection from "effection";
import {
  createContext,
  createScope,
  useScope,
  type Operation,
  type Scope,
} from "effection";
import { api } from "effection/experimental";
import { attach, attachStock, type Nursery } from "../../lib/kernel/fork.ts";
import * as operations from "../../lib/operations.ts";

type Library = Pick<
  typeof effection,
  | "action"
  | "all"
  | "each"
  | "ensure"
  | "race"
  | "resource"
  | "sleep"
  | "spawn"
  | "suspend"
  | "until"
  | "useAbortSignal"
>;
type Log = (line: unknown) => void;
type Program = (library: Library, log: Log) => Operation<unknown>;

const { call, scoped, withResolvers } = effection;
const Name = createContext<string>("test.name", "none");

function* turns(log: Log, name: string, count: number): Operation<string> {
  for (let turn = 0; turn < count; turn++) {
    yield* useScope();
    log(`${name}${turn}`);
  }
  return name;
}

function* failing(log: Log, name: string, count: number): Operation<never> {
  yield* turns(log, name, count);
  throw new Error(name);
}

/** A stream that takes a turn for each value. */
const countTo = (last: number): effection.Stream<number, void> => ({
  *[Symbol.iterator]() {
    let count = 0;
    return {
      *next() {
        yield* useScope();
        return count++ < last
          ? { done: false, value: count }
          : { done: true, value: undefined };
      },
    };
  },
});

/** Leaves a trace of its end, which takes a while. */
function* careful(log: Log, name: string, body: () => Operation<unknown>) {
  try {
    return yield* body();
  } finally {
    log(`${name} leaves`);
    yield* useScope();
    log(`${name} left`);
  }
}

const programs: Record<string, Program> = {
  *"a value"() {
    return 5;
  },
  *"an error"() {
    throw new Error("own");
  },
  *"an error that is no Error"() {
    throw "own"; // oxlint-disable-line no-throw-literal -- it is the subject
  },
  *"turns and a finally"(_, log) {
    return yield* careful(log, "a", () => turns(log, "a", 3));
  },
  "a bare wait": ({ suspend }) => suspend(),
  *"an operation that throws when it is iterated"() {
    yield* call(() => ({
      [Symbol.iterator]() {
        throw new Error("iterated");
      },
    }));
  },
  *"a promise"({ until }) {
    return [yield* until(Promise.resolve(1)), yield* until(delay(1, 2))];
  },
  *"a promise that fails"({ until }) {
    yield* until(Promise.reject(new Error("rejected")));
  },
  *sleep({ sleep }, log) {
    yield* careful(log, "s", () => sleep(2));
  },
  *"an action that resolves at once"({ action }, log) {
    const value = yield* action((resolve) => {
      resolve("now");
      return () => log("discarded");
    });
    log(value);
    yield* turns(log, "a", 2);
  },
  *"an action whose end fails"({ action }, log) {
    yield* action<void>((resolve) => {
      resolve();
      return () => {
        log("discarding");
        throw new Error("discard");
      };
    });
    yield* turns(log, "a", 2);
  },
  *"spawn and await"({ spawn }, log) {
    const task = yield* spawn(() => turns(log, "child", 3));
    log("spawned");
    return yield* task;
  },
  *"children that are left"({ spawn, suspend }, log) {
    yield* spawn(() => careful(log, "one", suspend));
    yield* spawn(() => careful(log, "two", () => turns(log, "two", 9)));
    return yield* turns(log, "a", 4);
  },
  *"a child that fails"({ spawn, suspend }, log) {
    yield* spawn(() => careful(log, "one", suspend));
    yield* spawn(() => failing(log, "two", 2));
    yield* careful(log, "a", suspend);
  },
  *"a child that fails in its end"({ spawn, suspend, ensure }, log) {
    yield* spawn(function* () {
      yield* ensure(() => failing(log, "end", 1));
      yield* suspend();
    });
    yield* turns(log, "a", 6);
  },
  *"a child that is halted"({ spawn, suspend }, log) {
    const task = yield* spawn(() => careful(log, "one", suspend));
    yield* turns(log, "a", 2);
    yield* task.halt();
    log("halted");
    yield* task.halt();
    return yield* task;
  },
  *"a race"({ race, sleep }, log) {
    return yield* race([
      careful(log, "slow", () => sleep(1000)),
      turns(log, "fast", 2),
      turns(log, "late", 9),
    ]);
  },
  *"a race that fails"({ race, suspend }, log) {
    try {
      return yield* race<Operation<unknown>>([
        careful(log, "slow", suspend),
        failing(log, "fast", 1),
      ]);
    } catch (error) {
      log((error as Error).message);
      return yield* turns(log, "after", 2);
    }
  },
  *all({ all }, log) {
    return yield* all([turns(log, "a", 3), turns(log, "b", 1), call(() => 5)]);
  },
  *"all with one that fails"({ all, suspend }, log) {
    try {
      yield* all([careful(log, "a", suspend), failing(log, "b", 2)]);
    } catch (error) {
      log((error as Error).message);
      yield* turns(log, "after", 2);
    }
  },
  *"a race of all"({ race, all, sleep }, log) {
    return yield* race([
      all([turns(log, "a", 2), careful(log, "b", () => turns(log, "b", 5))]),
      all([sleep(1000), turns(log, "c", 3)]),
    ]);
  },
  *resources({ resource }, log) {
    const held = (name: string, count: number) =>
      resource<string>(function* (provide) {
        yield* turns(log, name, count);
        yield* careful(log, name, () => provide(name));
      });
    log(yield* held("first", 1));
    log(yield* held("second", 2));
    return yield* turns(log, "body", 3);
  },
  *"a resource that fails to open"({ resource }, log) {
    try {
      yield* resource(() => failing(log, "open", 1));
    } catch (error) {
      log((error as Error).message);
      yield* turns(log, "after", 2);
    }
  },
  *"a resource that fails later"({ resource }, log) {
    yield* resource<void>(function* (provide) {
      yield* operations.spawn(() => failing(log, "broken", 3));
      yield* provide();
    });
    yield* careful(log, "body", () => turns(log, "body", 9));
  },
  *ensure({ ensure }, log) {
    yield* ensure(() => log("sync"));
    yield* ensure(() => turns(log, "async", 2));
    yield* ensure(() => failing(log, "fails", 1));
    return yield* turns(log, "body", 2);
  },
  *"an abort signal"({ useAbortSignal }, log) {
    const signal = yield* useAbortSignal();
    signal.addEventListener("abort", () => log("abort"));
    yield* turns(log, "body", 2);
    log(signal.aborted);
  },
  *scoped({ spawn, ensure, suspend }, log) {
    yield* scoped(function* () {
      yield* ensure(() => turns(log, "inner", 2));
      yield* spawn(() => careful(log, "child", suspend));
      yield* turns(log, "scoped", 2);
    });
    return yield* turns(log, "after", 2);
  },
  *"scoped with a child that fails"({ spawn, suspend }, log) {
    try {
      yield* scoped(function* () {
        yield* spawn(() => failing(log, "child", 1));
        yield* suspend();
      });
    } catch (error) {
      log((error as Error).message);
    }
    yield* turns(log, "after", 2);
  },
  *"a loop over a stream"({ each, spawn }, log) {
    const channel = effection.createChannel<number, string>();
    yield* spawn(function* () {
      for (let i = 0; i < 3; i++) {
        yield* turns(log, "send", 2);
        yield* channel.send(i);
      }
      yield* channel.close("end");
    });
    for (const value of yield* each(channel)) {
      log(value);
      yield* each.next();
    }
    return yield* turns(log, "after", 2);
  },
  *"loops within loops, and one that is left"({ each }, log) {
    for (const a of yield* each(countTo(3))) {
      for (const b of yield* each(countTo(5))) {
        log(`${a}${b}`);
        if (b === 2) break;
        yield* each.next();
      }
      yield* each.next();
    }
  },
  *"a loop that does not ask for the next one, and a next without a loop"(
    { each },
    log,
  ) {
    for (const step of [
      function* () {
        for (const value of yield* each(countTo(3))) log(value);
      },
      () => each.next(),
    ])
      try {
        yield* scoped(step);
      } catch (error) {
        log(`${(error as Error).name}: ${(error as Error).message}`);
      }
  },
  *contexts({ spawn }, log) {
    const scope = yield* useScope();
    log([scope.hasOwn(Name), yield* Name.get()]);
    yield* Name.set("outer");
    const child = yield* spawn(function* () {
      log(yield* Name.expect());
      yield* Name.with("inner", function* () {
        log(yield* Name.get());
        yield* turns(log, "with", 1);
      });
      log([scope.hasOwn(Name), yield* Name.get()]);
    });
    yield* child;
    log(yield* Name.delete());
    log(yield* Name.get());
    try {
      yield* createContext<string>("test.missing").expect();
    } catch (error) {
      log(String(error));
    }
  },
  *"a scope within the scope"({ ensure, suspend }, log) {
    const [scope, destroy] = createScope(yield* useScope());
    const task = scope.run(function* () {
      yield* ensure(() => turns(log, "end", 2));
      yield* careful(log, "in", suspend);
    });
    yield* turns(log, "a", 2);
    yield* destroy();
    log("destroyed");
    yield* destroy();
    return yield* task;
  },
  *"a task that halts itself"({ spawn, suspend }, log) {
    const task: { current?: effection.Task<unknown> } = {};
    task.current = yield* spawn(function* () {
      yield* useScope();
      yield* careful(log, "self", () => task.current!.halt());
    });
    yield* turns(log, "a", 5);
    yield* suspend();
  },
  *"two that wait for one"({ spawn, all }, log) {
    const { operation, resolve } = withResolvers<string>();
    const task = yield* spawn(() => operation);
    const wait = (name: string) =>
      call(function* () {
        log(`${name} ${yield* task}`);
      });
    yield* spawn(function* () {
      yield* turns(log, "r", 3);
      resolve("now");
    });
    yield* all([wait("a"), wait("b")]);
  },
  *"a catch around a halt"({ spawn, suspend }, log) {
    const task = yield* spawn(function* () {
      try {
        yield* suspend();
      } catch {
        log("never");
      } finally {
        yield* turns(log, "finally", 2);
      }
      log("never either");
    });
    yield* turns(log, "a", 2);
    yield* task.halt();
  },
  *"a delegated finally that waits"({ suspend }, log) {
    yield* careful(log, "inner", suspend);
    yield* turns(log, "goes on", 2);
  },
  *"decorated scopes"({ spawn, resource }, log) {
    const scope = yield* useScope();
    scope.around(api.Scope, {
      create([parent], next) {
        log("create");
        return next(parent);
      },
      set([target, context, value], next) {
        if (!context.name.startsWith("@effection"))
          log(`set ${context.name} ${String(value)}`);
        return next(target, context, value);
      },
      *destroy([target], next) {
        log("destroy");
        yield* next(target);
        log("destroyed");
      },
    });
    yield* Name.set("x");
    const task = yield* spawn(function* () {
      yield* Name.set("y");
      return yield* turns(log, "child", 2);
    });
    log(yield* task);
    yield* resource<void>(function* (provide) {
      yield* careful(log, "held", provide);
    });
    yield* scoped(() => turns(log, "scoped", 1));
  },
};

/** More than any of the programs takes. */
const TURNS = 30;

/** Runs a program beside one that counts turns and halts it at one of them; everything that can be seen, as text. */
async function trace(
  { place, library, beside }: Setting,
  program: Program,
  haltAt: number,
): Promise<string> {
  const lines: string[] = [];
  const log: Log = (line) => lines.push(JSON.stringify(line) ?? "nothing");
  const parent = createScope();
  const { scope, destroy } = place(parent, (error) =>
    log(`boundary: ${error.message}`),
  );
  let halted: Promise<void> | undefined;
  await (beside ? parent : scope).run(function* () {
    const subject = scope.run(() => program(library, log));
    subject.then(
      (value) => log({ value }),
      (error: unknown) => log(`rejected: ${String(error)}`),
    );
    for (let turn = 0; turn < TURNS; turn++) {
      log(turn);
      if (turn === haltAt) halted = haltIn(scope, subject, log);
      yield* useScope();
    }
  });
  if (haltAt >= TURNS) await delay(5);
  await halted;
  await destroy().catch((error: Error) => log(`destroy: ${error.message}`));
  await parent[Symbol.asyncDispose]();
  log("end");
  return lines.join(" ");
}

function haltIn(
  scope: Scope,
  subject: effection.Task<unknown>,
  log: Log,
): Promise<void> {
  return scope
    .run(() => subject.halt())
    .then(
      () => log("halt done"),
      (error: Error) => log(`halt failed: ${error.message}`),
    );
}

/** Where a program runs, and with whose operations. `beside`: the turns are counted by a task of effection's own. */
interface Setting {
  place(parent: Scope, onError: (error: Error) => void): Nursery;
  library: Library;
  beside: boolean;
}

const onKernel: Setting["place"] = (parent, onError) =>
  attach(parent, { onError });

const onStock: Setting["place"] = (parent, onError) =>
  attachStock(parent, { onError });

const settings = (beside: boolean): Record<string, Setting> => ({
  expected: { place: onStock, library: effection, beside },
  "effection's operations on the kernel": {
    place: onKernel,
    library: effection,
    beside,
  },
  "eddy/operations on the kernel": {
    place: onKernel,
    library: operations,
    beside,
  },
  "eddy/operations on effection's tasks": {
    place: onStock,
    library: operations,
    beside,
  },
});

async function compare(
  { expected, ...others }: Record<string, Setting>,
  program: Program,
  haltAt: number,
): Promise<void> {
  const trail = await trace(expected!, program, haltAt);
  for (const [what, setting] of Object.entries(others))
    expect(
      await trace(setting, program, haltAt),
      `${what}, halted at ${haltAt}`,
    ).to.equal(trail);
}

describe("Operations leave the trace that effection leaves, wherever they are halted:", function () {
  this.timeout(20_000); // some hundred runs each
  for (const [name, program] of Object.entries(programs))
    it(name, async () => {
      for (let haltAt = 0; haltAt <= TURNS; haltAt++) {
        await compare(settings(false), program, haltAt);
        await compare(settings(true), program, haltAt);
      }
    });
});
