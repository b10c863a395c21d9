/** The pid file: whose it may be, and whom it names. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { run } from "effection";
import { runningPid, usePidFile } from "../../../lib/cli/pid-file.ts";
import { folderWith } from "../../support/folder.ts";
import { afterTest } from "../../support/hooks.ts";
import { ROOT } from "../../support/root.ts";

/**
 * Claims files, the first at the time that it is told and each further one 5 ms after that, and says which it holds.
 * Ends with its input.
 */
const CLAIMANT = `
  import { once } from "node:events";
  import { run, suspend } from "effection";
  import { usePidFile } from "${pathToFileURL(join(ROOT, "dist/lib/cli/pid-file.js")).href}";

  process.stdin.on("end", () => process.exit());
  console.log("ready");
  let time = Number(await once(process.stdin, "data"));
  const held = [];
  const errors = [];
  for (const file of process.argv.slice(2)) {
    while (Date.now() < time);
    run(function* () {
      yield* usePidFile(file);
      held.push(file);
      yield* suspend();
    }).catch(({ message }) => errors.push(message));
    time += 5;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  console.log(JSON.stringify({ held, errors }));`;

interface Said {
  held: string[];
  errors: string[];
}

class Claimant {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(folder: string, files: readonly string[]) {
    this.child = spawn(process.execPath, ["claimant.mjs", ...files], {
      cwd: folder,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#lines = createInterface(this.child.stdout!)[Symbol.asyncIterator]();
    afterTest(() => this.child.kill("SIGKILL"));
  }

  async says(): Promise<string> {
    return (await this.#lines.next()).value as string;
  }

  async claims(time: number): Promise<Said> {
    this.child.stdin!.write(String(time));
    return JSON.parse(await this.says()) as Said;
  }

  async dies(): Promise<void> {
    this.child.kill("SIGKILL");
    await once(this.child, "close");
  }
}

/** Processes that are ready to claim them. */
async function claimants(
  files: readonly string[],
  count: number,
): Promise<Claimant[]> {
  const folder = folderWith({ "claimant.mjs": CLAIMANT });
  const all = Array.from({ length: count }, () => new Claimant(folder, files));
  for (const one of all) expect(await one.says()).to.equal("ready");
  return all;
}

const fileWith = (content: string): string =>
  join(folderWith({ "eddy.pid": content }), "eddy.pid");

/** What is in the file while it is claimed. */
const claimed = async (file: string): Promise<string> =>
  await run(function* () {
    yield* usePidFile(file);
    return readFileSync(file, "utf8");
  });

async function failureOf(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => "",
    (error: Error) => error.message,
  );
}

const OWN = `${process.pid}\n`;

describe("The pid file", () => {
  for (const [what, content] of [
    ["nothing", ""],
    [
      "the own number, as that of a container that was killed: nobody else runs",
      OWN,
    ],
    [
      "the number of a process that runs, but has nothing to do with it",
      `${process.ppid}\n`,
    ],
    ["an old number without a line end", String(process.ppid)],
  ] as const)
    it(`may have ${what}`, async () => {
      const file = fileWith(content);
      expect(await claimed(file)).to.equal(OWN);
      expect(existsSync(file)).to.equal(false);
    });

  for (const [what, before] of [
    ["is not there", {}],
    ["is an old one", { "eddy.pid": `${process.ppid}\n` }],
  ] as const)
    it(`is held by one of several that claim it at once where it ${what}, and names that one`, async () => {
      const files = Array.from({ length: 20 }, () =>
        join(folderWith(before), "eddy.pid"),
      );
      const all = await claimants(files, 3);
      const time = Date.now() + 20;
      const said = await Promise.all(all.map((one) => one.claims(time)));
      for (const file of files) {
        const holders = all.filter((_, i) => said[i]!.held.includes(file));
        expect(holders).to.have.length(1);
        const { pid } = holders[0]!.child;
        expect(readFileSync(file, "utf8")).to.match(new RegExp(`^${pid}\n`));
        expect(runningPid(file)).to.equal(pid);
        const refused = said
          .flatMap(({ errors }) => errors)
          .filter((text) => text.startsWith(`${file}: process `));
        expect(refused).to.have.length(2);
      }
    });

  it("is free when its process was killed, whoever has that number then, and names nobody", async () => {
    const file = fileWith("");
    const [one] = await claimants([file], 1);
    expect((await one!.claims(0)).held).to.deep.equal([file]);
    expect(await failureOf(claimed(file))).to.include("runs already");
    await one!.dies();
    expect(() => runningPid(file)).to.throw(/no eddy runs by that pid file/);
    writeFileSync(file, `${process.ppid}\n`); // as if the number had been given to another process
    expect(() => runningPid(file)).to.throw(/no eddy runs by that pid file/);
    expect(await claimed(file)).to.equal(OWN);
  });

  it("of another one stays where somebody has removed the own one", async () => {
    const file = fileWith("");
    await run(function* () {
      yield* usePidFile(file);
      unlinkSync(file);
      writeFileSync(file, "another's");
    });
    expect(readFileSync(file, "utf8")).to.equal("another's");
  });

  it("is no link to another file, which stays as it is", async () => {
    const folder = folderWith({ "precious.txt": "" });
    const file = join(folder, "eddy.pid");
    symlinkSync("precious.txt", file);
    expect(await failureOf(claimed(file))).to.match(
      /^cannot write the pid file: /,
    );
    expect(readFileSync(join(folder, "precious.txt"), "utf8")).to.equal("");
    expect(() => runningPid(file)).to.throw(/^cannot read the pid file: /);
  });

  it("is nothing else that somebody wrote", async () => {
    const file = fileWith("precious\n");
    expect(await failureOf(claimed(file))).to.match(
      /^cannot write the pid file: .* is something else; remove it, or choose another$/,
    );
    expect(readFileSync(file, "utf8")).to.equal("precious\n");
    expect(() => runningPid(file)).to.throw(/^cannot read the pid file: /);
  });

  for (const [what, content] of [
    ["the own number", OWN],
    ["the number of a stranger", `${process.ppid}\n`],
    ["what would mean all processes", "0\n"],
    ["nothing", ""],
  ] as const)
    it(`with ${what} names no other eddy`, () => {
      expect(() => runningPid(fileWith(content))).to.throw(
        /no eddy runs by that pid file/,
      );
    });
});
