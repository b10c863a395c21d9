import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { ROOT } from "../../support/root.ts";

/** Of 1 MiB, in pages of 4 KiB. */
const BODIES = 20;
const PAGES = BODIES * 256;

/** How many pages the system has to give again for as many bodies as have been freed. */
const PROGRAM = `
  import { Loop } from "eddy";

  const loop = new Loop({ log: false }).mount(() => "served");
  await loop.listen({ port: 0, host: "127.0.0.1" });
  let bodies = [];
  function next() {
    bodies = Array.from({ length: ${BODIES} }, () => Buffer.allocUnsafeSlow(1024 * 1024).fill(1));
    bodies = [];
    gc(); // which frees them in another thread
  }
  for (let i = 0; i < 5; i++) next();
  const before = process.resourceUsage().minorPageFault;
  for (let i = 0; i < 10; i++) next();
  console.log((process.resourceUsage().minorPageFault - before) / 10);
  await loop.close();
`;

const { header } = process.report.getReport() as unknown as {
  header: { glibcVersionRuntime?: string };
};
const isGlibc = header.glibcVersionRuntime !== undefined;

(isGlibc ? describe : describe.skip)("loop.listen(), on glibc", () => {
  it("has memory that bodies have left kept for the next ones", () => {
    const faults = execFileSync(
      process.execPath,
      ["--expose-gc", "--input-type=module", "--eval", PROGRAM],
      { cwd: ROOT, encoding: "utf8" },
    );
    expect(Number(faults)).to.be.below(PAGES / 4);
  });
});
