import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { CORK_BYTES, Packet } from "../../../../lib/engine/uws/packet.ts";
import { Keeping } from "../../../../lib/engine/uws/reply-head.ts";

describe("The engine's cork", () => {
  const fill = (packet: Packet): number => {
    let replies = 0;
    while (packet.holds(20)) replies++;
    return replies;
  };

  it("takes small replies, but not more than it holds", () => {
    expect(fill(new Packet(new Keeping(30))) * 20).to.be.within(
      1000,
      CORK_BYTES,
    );
  });

  it("does not take what is larger than it", () => {
    expect(new Packet(new Keeping(30)).holds(CORK_BYTES)).to.equal(false);
  });

  it("takes as many in the next turn", async () => {
    const packet = new Packet(new Keeping(30));
    const replies = fill(packet);
    expect(packet.holds(20)).to.equal(false);
    await turn();
    expect(fill(packet)).to.equal(replies);
  });
});
