/** The kernel does what effection does: the same small programs on both, and the same traces. */
import { expect } from "chai";
import { KernelScope } from "../../../lib/kernel/scope.ts";
import { perform } from "../../support/stage.ts";
import { kernels, stock } from "../../support/worlds.ts";
import { topics } from "./conformance/index.ts";

describe("The worlds that are compared", () => {
  for (const world of kernels) {
    it(`run tasks on the kernel in the world of ${world.name}`, async () => {
      const nursery = world.open(() => {});
      expect(nursery.scope).to.be.instanceOf(KernelScope);
      await nursery.destroy();
    });

    it(`have all of effection in the world of ${world.name}`, () => {
      expect(world.operations).to.include.keys(Object.keys(stock.operations));
    });
  }

  it("have operations of their own where they say so", () => {
    const [plain, accelerated] = kernels;
    expect(plain!.operations.spawn).to.equal(stock.operations.spawn);
    expect(accelerated!.operations.spawn).not.to.equal(stock.operations.spawn);
  });
});

for (const [topic, cases] of Object.entries(topics))
  describe(`The kernel conforms to effection in ${topic}`, () => {
    for (const [title, example] of Object.entries(cases))
      it(title, async () => {
        const expected = await perform(example, stock);
        if (example.trace)
          expect(expected, stock.name).to.deep.equal(example.trace);
        for (const world of kernels)
          expect(await perform(example, world), world.name).to.deep.equal(
            expected,
          );
      });
  });
