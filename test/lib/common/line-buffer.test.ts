/** Lines on their way to a file or a pipe. */
import { spawn } from "node:child_process";
import {
  existsSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { LineBuffer } from "../../../lib/common/line-buffer.ts";
import { folderWith } from "../../support/folder.ts";
import { ROOT } from "../../support/root.ts";

const MODULE = join(ROOT, "dist/lib/common/line-buffer.js");

const programWith = (statements: string): string =>
  `import { LineBuffer } from ${JSON.stringify(MODULE)};${statements}`;

describe("A line buffer", () => {
  it("holds lines back, and loses none", () => {
    const path = join(folderWith({}), "log");
    const buffer = new LineBuffer(path);
    const lines = Array.from({ length: 1000 }, (_, i) => `line ${i} é\n`);
    buffer.writeSoon(lines[0]!);
    expect(readFileSync(path, "utf8")).to.equal("");
    for (const line of lines.slice(1)) buffer.writeSoon(line);
    buffer.flush();
    expect(readFileSync(path, "utf8")).to.equal(lines.join(""));
  });

  it("writes by itself, soon", async () => {
    const path = join(folderWith({}), "log");
    new LineBuffer(path).writeSoon("one\n");
    while (readFileSync(path, "utf8") !== "one\n")
      await new Promise((resolve) => setTimeout(resolve, 10)); // a file tells nobody
  });

  it("writes what waits to the file that is moved, and the rest to a new one", () => {
    const path = join(folderWith({}), "log");
    const buffer = new LineBuffer(path);
    buffer.writeSoon("before\n");
    renameSync(path, `${path}.1`);
    buffer.reopen();
    buffer.writeSoon("after\n");
    buffer.flush();
    expect(readFileSync(`${path}.1`, "utf8")).to.equal("before\n");
    expect(readFileSync(path, "utf8")).to.equal("after\n");
  });

  it("keeps lines for which there is no room until there is", function () {
    if (!existsSync("/dev/full")) return this.skip();
    const path = join(folderWith({}), "log");
    symlinkSync("/dev/full", path);
    const buffer = new LineBuffer(path);
    buffer.writeSoon("kept\n");
    buffer.flush();
    unlinkSync(path);
    buffer.reopen();
    buffer.writeSoon("after\n");
    buffer.flush();
    expect(readFileSync(path, "utf8")).to.equal("kept\nafter\n");
  });

  /** What a program with a buffer says on standard error. */
  async function complaints(statements: string): Promise<string> {
    const folder = folderWith({ "program.mjs": programWith(statements) });
    const child = spawn(process.execPath, ["program.mjs"], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    return await text(child.stderr);
  }

  it("goes on when the disk is full, and says so once", async function () {
    if (!existsSync("/dev/full")) return this.skip();
    const said = await complaints(`
      const buffer = new LineBuffer("/dev/full");
      for (const line of ["one", "two"]) {
        buffer.writeSoon(line);
        buffer.flush();
      }
      process.on("exit", () => console.error("the end"));`);
    expect(said).to.match(
      /^eddy: the log \/dev\/full cannot be written: ENOSPC.*; 1 MiB of its lines is kept until it can\nthe end\n$/,
    );
  });

  it("uses its old file on when there is no new one to be had, and says so", async () => {
    const said = await complaints(`
      import { mkdirSync, readFileSync, renameSync } from "node:fs";
      mkdirSync("logs");
      const buffer = new LineBuffer("logs/log");
      renameSync("logs", "old");
      if (buffer.reopen()) throw new Error("it cannot");
      buffer.writeSoon("a line");
      buffer.flush();
      console.error(readFileSync("old/log", "utf8"));
      renameSync("old", "logs");
      if (!buffer.reopen()) throw new Error("it can");`);
    expect(said).to.match(
      /^eddy: the log logs\/log cannot be opened anew: ENOENT.*; the old file is written on\na line\n$/,
    );
  });

  it("keeps its lines whole in a pipe that others write to, too", async () => {
    const program = programWith(`
      const buffer = new LineBuffer(1);
      for (let i = 0; i < 20_000; i++) buffer.writeSoon(process.argv[2].repeat(99) + "\\n");
      buffer.flush();`);
    const both = `"${process.execPath}" program.mjs a & "${process.execPath}" program.mjs b & wait`;
    const child = spawn("sh", ["-c", both], {
      cwd: folderWith({ "program.mjs": program }),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = (await text(child.stdout)).trimEnd().split("\n");
    const torn = lines.filter((line) => !/^(a{99}|b{99})$/.test(line));
    expect(torn).to.deep.equal([]);
    expect(lines).to.have.length(40_000);
  });
});
