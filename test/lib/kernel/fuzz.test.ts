/** Programs that nobody thought of, on effection and on the kernel. `npm run fuzz` runs many more. */
import { explain, search } from "../../fuzz/fuzz.ts";

const HALF = 1000;

/** Programs that have found something, once. */
const FINDERS = [
  180804, // a decorator of api.Scope that starts a task while one is being created
];

describe("The kernel tells what effection tells of random programs", () => {
  for (const finder of FINDERS)
    it(`that were told apart once: ${finder}`, async () => {
      const found = await search(finder, 1);
      if (found) throw new Error(await explain(found));
    });

  const seed = Math.floor(Math.random() * 2 ** 31);
  for (const [title, first] of [
    ["the same ones each time", 1],
    [`new ones each time, this time from seed ${seed}`, seed],
  ] as const)
    it(title, async function () {
      this.timeout(60_000);
      const found = await search(first, HALF);
      if (found) throw new Error(await explain(found));
    });
});
