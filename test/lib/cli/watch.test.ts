/** What `--reload` sees of files that change. */
import { join } from "node:path";
import { expect } from "chai";
import { withFewFiles } from "../../support/few-files.ts";
import { ROOT } from "../../support/root.ts";

/** All files are open that may be. */
const PROGRAM = `
  import { closeSync, openSync } from "node:fs";
  import { run, withResolvers } from "effection";
  import { useWatcher } from ${JSON.stringify(join(ROOT, "dist/lib/cli/watch.js"))};
  const open = [];
  await run(function* () {
    const told = withResolvers();
    const watcher = yield* useWatcher({ watching() {}, failed: told.resolve });
    try { for (;;) open.push(openSync("/dev/null")); } catch {}
    watcher.add([process.cwd() + "/program.mjs"], Date.now());
    console.log((yield* told.operation).code);
    for (const descriptor of open) closeSync(descriptor);
  });
  console.log("goes on");
`;

describe("The watcher", () => {
  it("tells of a file that cannot be watched, and goes on", function () {
    if (process.platform !== "linux") return this.skip();
    expect(withFewFiles(100, PROGRAM)).to.equal("EMFILE\ngoes on\n");
  });
});
