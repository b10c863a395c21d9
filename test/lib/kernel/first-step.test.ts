import { expect } from "chai";
import { suspend, withResolvers, type Effect, type Operation } from "effection";
import { attach, fork, type Settled } from "../../../lib/kernel/fork.ts";
import { viewTasks } from "../../../lib/kernel/tree.ts";
import { Gate } from "../../support/gate.ts";
import { kernels, stock } from "../../support/worlds.ts";

type Ending = [state: Settled, value: unknown];

describe("The first step of a fork", () => {
  it("is all there is of an operation that does not wait: it has settled when fork returns, without a task", () => {
    const endings: Ending[] = [];
    const { scope } = attach(undefined, { onError: () => {} });
    let tasks: unknown;
    fork(
      scope,
      function* () {
        tasks = viewTasks(scope);
        return 5;
      },
      (...ending) => endings.push(ending),
    );
    fork(
      scope,
      // oxlint-disable-next-line require-yield -- it is the subject
      function* (): Operation<void> {
        throw new Error("at once");
      },
      (state, error) => endings.push([state, (error as Error).message]),
    );
    expect(endings).to.deep.equal([
      ["value", 5],
      ["error", "at once"],
    ]);
    expect(tasks).to.deep.equal([]);
  });

  it("lets others go on that it has woken before the fork settles, as effection does", async () => {
    for (const world of [stock, ...kernels]) {
      const order: string[] = [];
      const { scope } = world.open(() => {});
      const settled = new Gate();
      const { operation, resolve } = withResolvers<void>();
      scope.run(function* () {
        yield* operation;
        order.push("the other goes on");
      });
      world.fork(
        scope,
        function* () {
          resolve();
          order.push("its first step is over");
        },
        () => {
          order.push("it has settled");
          settled.open();
        },
      );
      await settled.opened;
      expect(order, world.name).to.deep.equal([
        "its first step is over",
        "the other goes on",
        "it has settled",
      ]);
    }
  });

  for (const mistake of [undefined, null, 5, Promise.resolve()])
    it(`fails as in effection, in other words, when it yields what is no effect: ${String(mistake)}`, async () => {
      for (const world of [stock, ...kernels]) {
        const { scope } = world.open(() => {});
        const failed = new Promise<Ending>((resolve) =>
          world.fork(
            scope,
            function* () {
              yield mistake as unknown as Effect<unknown>;
            },
            (...ending) => resolve(ending),
          ),
        );
        const [state, error] = await failed;
        expect(state, world.name).to.equal("error");
        expect(error, world.name).to.be.instanceOf(TypeError);
        expect((error as Error).message, world.name) //
          .to.match(world === stock ? /enter/ : /an operation yielded/);
      }
    });

  it("waits for its turn when a task starts it, and can be halted before", async () => {
    const order: string[] = [];
    const { scope } = attach(undefined, { onError: () => {} });
    const settled = new Gate();
    scope.run(function* () {
      const forked = fork(
        scope,
        function* () {
          order.push("began");
          yield* suspend();
        },
        (state) => {
          order.push(state);
          settled.open();
        },
      );
      order.push("forked");
      forked.interrupt();
    });
    await settled.opened;
    expect(order).to.deep.equal(["forked", "halted"]);
  });
});
