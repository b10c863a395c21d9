import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { Cork, CORK_BYTES } from "../../../../lib/engine/uws/cork.ts";

describe("The engine's cork", () => {
  const fill = (cork: Cork): number => {
    let replies = 0;
    while (cork.takes(20)) replies++;
    return replies;
  };

  it("takes small replies, but not more than it holds", () => {
    expect(fill(new Cork()) * 20).to.be.within(1000, CORK_BYTES);
  });

  it("does not take what is larger than it", () => {
    expect(new Cork().takes(CORK_BYTES)).to.equal(false);
  });

  it("takes as many in the next turn", async () => {
    const cork = new Cork();
    const replies = fill(cork);
    expect(cork.takes(20)).to.equal(false);
    await turn();
    expect(fill(cork)).to.equal(replies);
  });
});
