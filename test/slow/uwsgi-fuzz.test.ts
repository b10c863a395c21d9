/** Packets that nobody thought of, the same ones each time. `npm run fuzz:uwsgi` has many more, and others. */
import { expect } from "chai";
import { search } from "../../tools/uwsgi-fuzz/fuzz.ts";

describe("Random packets of uwsgi", () => {
  it("are read as they must be, and each is answered", async () => {
    expect(await search(1, 400, 10)).to.equal(undefined);
  });
});
