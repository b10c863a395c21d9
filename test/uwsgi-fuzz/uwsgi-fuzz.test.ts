/** Packets that nobody thought of. `npm run fuzz:uwsgi` has many more. */
import { expect } from "chai";
import { search } from "./fuzz.ts";

describe("Random packets of uwsgi", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  for (const [title, first] of [
    ["the same ones each time", 1],
    [`new ones each time, this time from seed ${seed}`, seed],
  ] as const)
    it(`are read as they must be, and each is answered: ${title}`, async () => {
      expect(await search(first, 2000, 10)).to.equal(undefined);
    });
});
