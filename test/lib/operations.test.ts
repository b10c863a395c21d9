/** What eddy/operations exports; how it runs is compared with effection in test/slow/operations.test.ts. */
import { expect } from "chai";
import * as effection from "effection";
import { attach } from "../../lib/kernel/fork.ts";
import * as operations from "../../lib/operations.ts";

describe("eddy/operations", () => {
  it("has every export of effection", () => {
    expect(Object.keys(operations).sort()).to.deep.equal(
      Object.keys(effection).sort(),
    );
  });

  it("gives operations that can be run again", async () => {
    const { scope, destroy } = attach(undefined, { onError() {} });
    const { action, all, resource, sleep, until } = operations;
    const twice = [
      sleep(1),
      until(Promise.resolve()),
      action<void>((resolve) => {
        resolve();
        return () => {};
      }),
      resource<void>((provide) => provide()),
    ];
    await scope.run(function* () {
      for (const operation of twice) yield* all([operation, operation]);
    });
    await destroy();
  });

  it("gives operations that can be spread, as effection does with its own", async () => {
    const { scope, destroy } = attach(undefined, { onError() {} });
    const { resource } = operations;
    const spread = {
      ...resource<number>((provide) => provide(5)),
      send() {},
    };
    expect(await scope.run(() => spread)).to.equal(5);
    await destroy();
  });
});
