import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { ROOT } from "../../support/root.ts";

describe("import of eddy", () => {
  for (const flag of [
    "--no-deprecation",
    "--throw-deprecation",
    "--pending-deprecation",
  ])
    it(`works, and says nothing, with ${flag}`, () => {
      const program = `import { Loop } from "eddy"; console.log(typeof Loop, process.noDeprecation ?? false);`;
      const said = execFileSync(
        process.execPath,
        [flag, "--input-type=module", "--eval", `${program}`],
        { cwd: ROOT, encoding: "utf8" },
      );
      expect(said).to.equal(`function ${flag === "--no-deprecation"}\n`);
    });
});
