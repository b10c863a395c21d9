/**
 * Programs that nobody thought of, on effection and on the kernel, the same ones each time. `npm run fuzz` runs many
 * more, and others.
 */
import { explain, search } from "../../../tools/fuzz/fuzz.ts";

/** Programs that have found something, once. */
const FINDERS = [
  180804, // a decorator of api.Scope that starts a task while one is being created
];

describe("The kernel tells what effection tells of random programs", () => {
  const agree = async (seed: number, count: number): Promise<void> => {
    const found = await search(seed, count);
    if (found) throw new Error(await explain(found));
  };

  for (const finder of FINDERS)
    it(`that were told apart once: ${finder}`, () => agree(finder, 1));

  it("by the hundred", async function () {
    this.timeout(60_000);
    await agree(1, 200);
  });
});
