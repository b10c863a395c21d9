/** Conversations that nobody thought of, on eddy and on node:http. `npm run fuzz:wire` has many more. */
import { explain, search } from "./fuzz.ts";

/** Requests. */
const HALF = 10_000;

describe("Random conversations, beside node:http", function () {
  this.timeout(110_000);

  before(function () {
    if (process.platform === "darwin") this.skip(); // it has one loopback address, and here each client needs its own
  });

  const seed = Math.floor(Math.random() * 2 ** 31);
  for (const [title, first] of [
    ["the same ones each time", 1],
    [`new ones each time, this time from seed ${seed}`, seed],
  ] as const)
    it(`go as they must: ${title}`, async () => {
      const found = await search(first, HALF);
      if (found) throw new Error(await explain(found));
    });
});
