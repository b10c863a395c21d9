/** What the kernel does beyond running operations as effection does; for that see test/slow/operations.test.ts. */
import { expect } from "chai";
import {
  createScope,
  ensure,
  run,
  scoped,
  sleep,
  spawn,
  suspend,
  useScope,
  type Scope,
} from "effection";
import { createApi } from "effection/experimental";
import {
  attach,
  attachStock,
  fork,
  type Nursery,
  type Settled,
} from "../../../lib/kernel/fork.ts";

type Ending = [state: Settled, value: unknown];

const nursery = (errors: unknown[] = []) =>
  attach(undefined, { onError: (error) => errors.push(error) });

describe("A fork on the kernel", () => {
  it("has settled when `fork` returns, if it did not wait", () => {
    const endings: Ending[] = [];
    const task = fork(
      nursery().scope,
      function* () {
        return yield* scoped(function* () {
          return "at once";
        });
      },
      (...ending) => endings.push(ending),
    );
    task.interrupt();
    expect(endings).to.deep.equal([["value", "at once"]]);
  });

  it("settles later when it was started within another task", async () => {
    const order: string[] = [];
    const { scope } = nursery();
    await scope.run(function* () {
      fork(
        scope,
        function* () {},
        (state) => order.push(state),
      );
      order.push("forked");
      yield* sleep(0);
    });
    expect(order).to.deep.equal(["forked", "value"]);
  });
});

describe("A scope of the kernel", () => {
  it("is gone from its parent once it is destroyed", async () => {
    const parent = createScope();
    const ended: string[] = [];
    const { scope, destroy } = attach(parent, { onError: () => {} });
    scope.run(() => ensure(() => void ended.push("task"))).catch(() => {});
    await destroy();
    await destroy();
    await parent[Symbol.asyncDispose]();
    expect(ended).to.deep.equal(["task"]);
  });

  it("ends with the body of a task of effection's that it was attached in, as effection's would", async () => {
    const trail = async (place: typeof attachStock): Promise<string[]> => {
      const lines: string[] = [];
      const child = (name: string) =>
        function* () {
          yield* ensure(function* () {
            lines.push(`${name} leaves`);
            yield* sleep(0);
            lines.push(`${name} left`);
          });
          yield* suspend();
        };
      await run(function* () {
        const parent = yield* useScope();
        yield* spawn(child("first"));
        const { scope } = place(parent, { onError: () => {} });
        void scope.run(child("second"));
        yield* spawn(child("third"));
        yield* sleep(1);
        lines.push("end of body");
      });
      return lines;
    };
    const onKernel = (parent: Scope | undefined): Nursery =>
      attach(parent, { onError: () => {} });
    const expected = await trail(attachStock);
    expect(expected).to.have.length(7);
    expect(await trail(onKernel)).to.deep.equal(expected);
  });

  it("rejects `destroy` with what a cleanup throws, and tells no boundary", async () => {
    const errors: unknown[] = [];
    const parent = nursery(errors);
    const child = attach(parent.scope, {
      onError: (error) => errors.push(error),
    });
    const task = child.scope.run(function* () {
      yield* ensure(() => {
        throw new Error("stuck");
      });
      yield* suspend();
    });
    task.catch(() => {});
    const error = await child.destroy().catch((reason: Error) => reason);
    expect((error as Error).message).to.equal("stuck");
    expect(errors).to.deep.equal([]);
    await parent.destroy();
  });

  it("passes the decorations of an api on to its tasks", async () => {
    const greeting = createApi("greeting", {
      greet: (name: string) => `hello ${name}`,
    });
    const { scope, destroy } = nursery();
    const inner = attach(scope, { onError: () => {} });
    const { greet } = greeting.operations;
    const before = inner.scope.run(() => scoped(() => greet("you")));
    scope.around(greeting, { greet: ([name], next) => `${next(name)}!` });
    const after = inner.scope.run(() => scoped(() => greet("you")));
    expect([await before, await after]).to.deep.equal([
      "hello you",
      "hello you!",
    ]);
    await destroy();
  });

  it("gives tasks that look like effection's", async () => {
    const { scope, destroy } = nursery();
    const task = scope.run(function* () {
      return 5;
    });
    expect(task).to.be.instanceOf(Promise);
    expect(String(task)).to.equal("[object Task]");
    expect(String(task.halt())).to.equal("[object Future]");
    expect(String(scope)).to.equal("[object Scope]");
    const { halt } = task;
    await halt();
    expect(await task.finally(() => {})).to.equal(5);
    expect(await task).to.equal(5);
    await destroy();
  });

  it("leaves a failing task that nobody waits for without an unhandled rejection", async () => {
    const errors: Error[] = [];
    const { scope, destroy } = nursery(errors);
    void scope.run(function* () {
      throw new Error("alone");
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(errors.map(({ message }) => message)).to.deep.equal(["alone"]);
    await destroy();
  });
});
