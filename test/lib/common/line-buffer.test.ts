/** Lines on their way to a file or a pipe. */
import { spawn } from "node:child_process";
import fs, {
  existsSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import type { Writable } from "node:stream";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { LineBuffer } from "../../../lib/common/line-buffer.ts";
import { folderWith } from "../../support/folder.ts";
import { ROOT } from "../../support/root.ts";

const MODULE = join(ROOT, "dist/lib/common/line-buffer.js");

const programWith = (statements: string): string =>
  `import { LineBuffer } from ${JSON.stringify(MODULE)};${statements}`;

/** What is said on standard error while no file takes anything. */
async function withFullDisk(
  action: (tries: () => number) => unknown,
): Promise<{ said: string[] }> {
  const { writeSync } = fs;
  const said: string[] = [];
  let tries = 0;
  const full = (_: number, text: string): number => {
    if (typeof text !== "string" && ++tries > 0)
      throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    said.push(text);
    return text.length;
  };
  Object.assign(fs, { writeSync: full });
  syncBuiltinESMExports();
  try {
    await action(() => tries);
  } finally {
    Object.assign(fs, { writeSync });
    syncBuiltinESMExports();
  }
  return { said };
}

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

  it("writes on by itself when there is room again, and says how many lines are missing", async () => {
    const path = join(folderWith({}), "log");
    const buffer = new LineBuffer(path, (lines) => `${lines} are missing\n`);
    const lines = Array.from({ length: 3000 }, (_, i) => `${i}`.padEnd(1000));
    const { said } = await withFullDisk(async (tries) => {
      for (const line of lines) buffer.writeSoon(`${line}\n`);
      for (const before = tries(); tries() < before + 2;) await sleep(10);
    });
    while (!/missing/.test(readFileSync(path, "utf8"))) await sleep(10); // a file tells nobody
    buffer.write("after\n");
    const written = readFileSync(path, "utf8").trimEnd().split("\n");
    const kept = written.indexOf(written.find((line) => /missing/.test(line))!);
    expect(written.slice(0, kept)).to.deep.equal(lines.slice(0, kept));
    expect(kept).to.be.within(1000, 1070);
    expect(written.slice(kept)).to.deep.equal([
      `${3000 - kept} are missing`,
      "after",
    ]);
    expect(said).to.have.length(2);
    expect(said[0]).to.match(/cannot be written: ENOSPC; 1 MiB of its lines/);
    expect(said[1]).to.match(/cannot be written: ENOSPC; lines are lost/);
  });

  it("says what is missing in the form of the log", async () => {
    const path = join(folderWith({}), "log");
    const buffer = new LineBuffer(path);
    await withFullDisk(() => {
      for (let i = 0; i < 4; i++) buffer.writeSoon(`${"x".repeat(500_000)}\n`);
    });
    buffer.flush();
    const line: unknown = JSON.parse(
      readFileSync(path, "utf8").trimEnd().split("\n").at(-1)!,
    );
    expect(line).to.include({
      level: 40,
      pid: process.pid,
      msg: "1 line is missing here: the log could not be written",
    });
  });

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

  const READERS = {
    "a socket": [process.execPath, ["program.mjs"]],
    "a pipe": ["sh", ["-c", "node program.mjs | { read go <&3; cat; }"]],
  } as const;
  for (const [kind, [command, args]] of Object.entries(READERS))
    it(`keeps nobody waiting while the reader of standard output is stuck: ${kind}`, async () => {
      const program = `
        import { spawnSync } from "node:child_process";
        import { Loop } from ${JSON.stringify(join(ROOT, "dist/lib/index.js"))};
        const loop = new Loop().mount(() => "answered");
        const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
        for (let i = 0; i < 3000; i++) {
          // sets the mode of the pipe back
          if (i === 10 && ${kind === "a pipe"}) spawnSync("true", { stdio: "inherit" });
          loop.log.info("line " + "x".repeat(1000));
        }
        console.error(await (await fetch(url)).text());
        await loop.close();`;
      const child = spawn(command, args, {
        cwd: folderWith({ "program.mjs": program }),
        stdio: ["ignore", "pipe", "pipe", "pipe"],
      });
      const said = await new Promise<string>((resolve) => {
        let all = "";
        child.stderr!.on("data", (chunk: Buffer) => {
          all += chunk.toString();
          if (all.includes("answered")) resolve(all);
        });
      });
      expect(said).to.match(
        /^eddy: the log on standard output cannot be written: nobody reads what is there; lines are lost until it can be\nanswered\n$/,
      );
      if (kind === "a pipe") (child.stdio[3] as Writable).end("go\n");
      const lines = (await text(child.stdout!)).trimEnd().split("\n");
      const messages = lines.map(
        (line) => (JSON.parse(line) as { msg: string }).msg,
      );
      const kept = messages.filter((msg) => /^line x+$/.test(msg)).length;
      const missing = messages.find((msg) => msg.includes("missing"))!;
      expect(kept).to.be.within(900, 2000);
      expect(Number.parseInt(missing, 10) + kept).to.be.within(3000, 3003); // so may be other lines
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
    const whole = lines.filter((line) => /^(a{99}|b{99})$/.test(line));
    const others = lines.filter((line) => line.length !== 99);
    const missing = others.map((line) =>
      Number(/"msg":"(\d+) lines are missing/.exec(line)![1]),
    );
    expect(missing.reduce((a, b) => a + b, whole.length)).to.equal(40_000);
  });
});
