/** The pid file: whose it may be. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { run } from "effection";
import { runningPid, usePidFile } from "../../../lib/cli/pid-file.ts";
import { folderWith } from "../../support/folder.ts";

/** A file that names a process, and what is in it while it is claimed. */
async function claimed(pid: number): Promise<[string, string]> {
  const file = join(folderWith({ "eddy.pid": `${pid}\n` }), "eddy.pid");
  const content = await run(function* () {
    yield* usePidFile(file);
    return readFileSync(file, "utf8");
  });
  return [file, content];
}

describe("The pid file", () => {
  it("may have the own number, as that of a container that was killed: nobody else runs", async () => {
    const [file, content] = await claimed(process.pid);
    expect(content).to.equal(`${process.pid}\n`);
    expect(existsSync(file)).to.equal(false);
  });

  it("may not have that of another process", async () => {
    const failure = await claimed(process.ppid).catch((error: Error) => error);
    expect(String(failure)).to.include(`process ${process.ppid} runs already`);
  });

  it("names one that runs", () => {
    const folder = folderWith({ "eddy.pid": `${process.ppid}\n` });
    expect(runningPid(join(folder, "eddy.pid"))).to.equal(process.ppid);
  });

  for (const [what, content] of [
    ["the own number", `${process.pid}\n`],
    ["what would mean all processes", "-1\n"],
    ["no number", "eddy\n"],
    ["nothing", ""],
  ] as const)
    it(`with ${what} names no other eddy`, () => {
      const folder = folderWith({ "eddy.pid": content });
      expect(() => runningPid(join(folder, "eddy.pid"))).to.throw(
        /no eddy runs by that pid file/,
      );
    });
});
