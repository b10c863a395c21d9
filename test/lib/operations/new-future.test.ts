import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../../support/root.ts";

describe("newFuture", () => {
  it("is compiled by V8 once, not again and again in vain", () => {
    const program = `
      const { newFuture } = await import(${JSON.stringify(join(ROOT, "dist/lib/operations/future.js"))});
      const made = (value) => newFuture((resolve) => resolve(value));
      for (let i = 0; i < 300_000; i++) await made(i);`;
    const { stdout } = spawnSync(
      process.execPath,
      ["--trace-opt", "--input-type=module", "--eval", program],
      { encoding: "utf8", maxBuffer: 2 ** 26 },
    );
    expect(stdout).to.match(/completed optimizing .*newFuture/);
    const inVain = stdout.match(/aborted optimizing .*(newFuture|made)\b/gi);
    expect(inVain?.length ?? 0).to.be.below(3);
  });
});
