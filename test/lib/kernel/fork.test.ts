import { expect } from "chai";
import {
  ensure,
  scoped,
  sleep,
  spawn,
  suspend,
  type Operation,
} from "effection";
import {
  attach,
  attachStock,
  fork,
  type Fork,
  type Settled,
} from "../../../lib/kernel/fork.ts";

type Ending = [state: Settled, value: unknown];

/** Forks into a scope of its own; `errors` is what reached its boundary. */
function start(operation: () => Operation<unknown>) {
  const errors: Error[] = [];
  const nursery = attach(undefined, { onError: (error) => errors.push(error) });
  let task!: Fork;
  const ended = new Promise<Ending>((resolve) => {
    task = fork(nursery.scope, operation, (...ending) => resolve(ending));
  });
  return { task, ended, errors, nursery };
}

describe("A fork", () => {
  it("settles with the value", async () => {
    const { ended } = start(function* () {
      yield* sleep(1);
      return 5;
    });
    expect(await ended).to.deep.equal(["value", 5]);
  });

  it("settles with the error, which does not reach the boundary", async () => {
    const { ended, errors } = start(function* () {
      yield* sleep(1);
      throw new Error("mine");
    });
    const [state, error] = await ended;
    expect([state, (error as Error).message]).to.deep.equal(["error", "mine"]);
    expect(errors).to.deep.equal([]);
  });

  it("settles with the error of a child", async () => {
    const { ended, errors } = start(function* () {
      yield* spawn(function* (): Operation<void> {
        yield* sleep(1);
        throw new Error("child");
      });
      yield* suspend();
    });
    const [state, error] = await ended;
    expect([state, (error as Error).message]).to.deep.equal(["error", "child"]);
    expect(errors).to.deep.equal([]);
  });

  it("settles as halted after its cleanup, also when interrupted twice", async () => {
    const order: string[] = [];
    const { task, ended } = start(function* () {
      yield* ensure(function* () {
        yield* sleep(1);
        order.push("cleanup");
      });
      yield* suspend();
    });
    task.interrupt();
    task.interrupt();
    const [state] = await ended;
    order.push("settled");
    expect(state).to.equal("halted");
    expect(order).to.deep.equal(["cleanup", "settled"]);
  });

  it("settles with the error of a cleanup that fails", async () => {
    const { task, ended } = start(function* () {
      try {
        yield* suspend();
      } finally {
        // oxlint-disable-next-line no-unsafe-finally -- it is the subject
        throw new Error("stuck");
      }
    });
    task.interrupt();
    const [state, error] = await ended;
    expect([state, (error as Error).message]).to.deep.equal(["error", "stuck"]);
  });

  it("settles as halted when its scope is destroyed", async () => {
    const { ended, nursery } = start(suspend);
    await nursery.destroy();
    expect((await ended)[0]).to.equal("halted");
  });

  it("keeps its value when interrupted too late", async () => {
    const { task, ended } = start(function* () {
      return yield* scoped(function* () {
        return "done";
      });
    });
    await ended;
    task.interrupt();
    expect(await ended).to.deep.equal(["value", "done"]);
  });
});

describe("An attached scope", () => {
  // Guards the name of effection's private context, by which the boundary is set.
  it("reports a failing task to onError, and lets the others live", async () => {
    const errors: string[] = [];
    const { scope, destroy } = attach(undefined, {
      onError: (error) => errors.push(error.message),
    });
    const other = scope.run(function* () {
      yield* sleep(10);
      return "alive";
    });
    const failing = scope.run(function* (): Operation<void> {
      yield* sleep(1);
      throw new Error("alone");
    });
    expect(await failing.catch((error: Error) => error.message)).to.equal(
      "alone",
    );
    expect(await other).to.equal("alive");
    expect(errors).to.deep.equal(["alone"]);
    await destroy();
  });

  it("halts its tasks in reverse order", async () => {
    const order: string[] = [];
    const { scope, destroy } = attach(undefined, { onError: () => {} });
    for (const name of ["first", "second"])
      scope.run(function* () {
        try {
          yield* suspend();
        } finally {
          order.push(name);
        }
      });
    await destroy();
    expect(order).to.deep.equal(["second", "first"]);
  });

  it("ends with its parent", async () => {
    const parent = attach(undefined, { onError: () => {} });
    const child = attach(parent.scope, { onError: () => {} });
    const task = child.scope
      .run(suspend)
      .catch((error: Error) => error.message);
    await parent.destroy();
    expect(await task).to.equal("halted");
  });
});

describe("A scope that has ended", () => {
  const places = {
    "on the kernel": attach,
    "on effection's tasks": attachStock,
  };
  for (const [where, place] of Object.entries(places))
    it(`runs nothing where its owner says so: ${where}`, async () => {
      const ended = (): Error => new Error("it is over");
      const { scope, destroy } = place(undefined, { onError() {}, ended });
      await scope.run(() => sleep(0));
      await destroy();
      expect(() => scope.run(suspend)).to.throw("it is over");
      expect(() => [...scope.spawn(suspend)]).to.throw("it is over");
    });
});
