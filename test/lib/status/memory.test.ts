/** How much memory a process takes. */
import { join } from "node:path";
import { expect } from "chai";
import { withFewFiles } from "../../support/few-files.ts";
import { ROOT } from "../../support/root.ts";

const MODULE = join(ROOT, "dist/lib/status/memory.js");

const PROGRAM = `
  import { openSync } from "node:fs";
  import { residentBytes } from ${JSON.stringify(MODULE)};
  const before = residentBytes();
  try { for (;;) openSync("/dev/null"); } catch (error) { console.log(error.code); }
  console.log(residentBytes() === before && before > 1024 ** 2);
`;

describe("The memory that a process takes", () => {
  it("is what it was where there is no file left to read it by", function () {
    if (process.platform !== "linux") return this.skip();
    expect(withFewFiles(64, PROGRAM)).to.equal("EMFILE\ntrue\n");
  });
});
