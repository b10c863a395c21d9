import { EventEmitter } from "node:events";
import { expect } from "chai";
import { untilClosed } from "../../../../lib/engine/node/until-closed.ts";
import { afterTest } from "../../../support/hooks.ts";

describe("untilClosed()", () => {
  const many = (): EventEmitter[] =>
    Array.from({ length: 20 }, () => new EventEmitter());

  it("waits until all have closed, also many, without a warning of Node's", async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warned);
    afterTest(() => void process.off("warning", warned));
    const those = many();
    let done = false;
    const closed = untilClosed(those, 60_000).then(() => (done = true));
    for (const one of those.slice(1)) one.emit("close");
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).to.equal(false);
    those[0]!.emit("close");
    await closed;
    expect(warnings).to.deep.equal([]);
  });

  it("waits no longer than its limit", async () => {
    await untilClosed(many(), 1);
  });
});
