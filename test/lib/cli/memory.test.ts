/** How much memory a process takes. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../../support/root.ts";

const MODULE = join(ROOT, "dist/lib/cli/memory.js");

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
    const said = execFileSync(
      "sh",
      ["-c", 'ulimit -n 64; exec "$0" --input-type=module', process.execPath],
      { input: PROGRAM, encoding: "utf8" },
    );
    expect(said).to.equal("EMFILE\ntrue\n");
  });
});
