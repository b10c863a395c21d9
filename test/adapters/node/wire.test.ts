/** The connection in memory of a WebSocket below `node()`. */
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { WireEnd } from "../../../adapters/node/wire.ts";

describe("WireEnd", () => {
  it("gives bytes when their writer is done, both ways", async () => {
    const [a, b] = WireEnd.pair();
    let isWriting = false;
    const seen: string[] = [];
    b.on("data", (chunk) => seen.push(`${isWriting} ${String(chunk)}`));
    await new Promise(setImmediate); // from then on it flows
    isWriting = true;
    a.write("1");
    a.write("2");
    isWriting = false;
    b.end("back");
    expect(await text(a)).to.equal("back");
    expect(seen).to.deep.equal(["false 1", "false 2"]);
  });

  it("makes a writer wait while nobody reads", async () => {
    const [a, b] = WireEnd.pair();
    let written = 0;
    const chunk = Buffer.alloc(16_384);
    for (let i = 0; i < 100; i++) a.write(chunk, () => written++);
    await new Promise(setImmediate);
    expect(written).to.be.below(10);
    expect(a.writableLength).to.be.above(90 * 16_384);
    b.resume();
    a.end();
    await once(a, "finish");
    expect(written).to.equal(100);
  });

  it("is read to its end when the other one is destroyed, and closes then", async () => {
    const [a, b] = WireEnd.pair();
    a.write("last words");
    a.destroy();
    expect(await text(b)).to.equal("last words");
    if (!b.closed) await once(b, "close");
    const [c, d] = WireEnd.pair();
    c.end("all");
    expect(await text(d)).to.equal("all");
    d.end();
    if (!c.closed) await once(c.resume(), "close");
  });

  it("lets go of who writes to one that is destroyed", async () => {
    const [a, b] = WireEnd.pair();
    a.on("error", () => {});
    b.destroy();
    let isDone = false;
    a.write(Buffer.alloc(100_000), () => (isDone = true));
    a.resume();
    await once(a, "close");
    expect(isDone).to.equal(true);
  });
});
