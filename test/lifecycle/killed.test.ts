/** What a gateway that is killed leaves behind, and who removes it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { needsPython, PYTHON, pythonApp } from "../support/python.ts";
import { serveWith } from "../support/server.ts";

const SHARED = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** The folders of a process in another one. */
function foldersOf(pid: number, parent: string, what: string): string[] {
  const form = new RegExp(`^eddy-${what}-\\d+-${pid}-`);
  return readdirSync(parent).filter((name) => form.test(name));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Runs a program until it says that it is ready, kills it, and gives its number. `said`: its lines. */
async function killed(
  files: Record<string, string>,
  said: string[] = [],
): Promise<number> {
  const folder = folderWith(files);
  const child = spawn(process.execPath, ["program.mjs"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  for await (const line of createInterface(child.stdout)) {
    said.push(line);
    if (line === "ready") break;
  }
  child.kill("SIGKILL");
  await exit;
  return child.pid!;
}

describe("A gateway that is killed", function () {
  this.timeout(PATIENCE_MS);

  it("takes its processes of Python along, and the one that they are copies of", async function () {
    needsPython(this);
    const said: string[] = [];
    await killed(
      {
        "app.py": `
import os, threading
threading.Thread(target=threading.Event().wait).start()
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"pids %d %d" % (os.getpid(), os.getppid())]
`,
        "program.mjs": `
        import { Loop } from "eddy";
        import { python } from "eddy/adapters/python";
        const app = python("app:app", { python: "${PYTHON}", lazyApps: false });
        const { url } = await new Loop().mount(app).listen({ port: 0, host: "127.0.0.1" });
        console.log(await (await fetch(url)).text());
        console.log("ready");`,
      },
      said,
    );
    const line = said.find((one) => one.startsWith("pids"))!;
    const pids = line.split(" ").slice(1).map(Number);
    expect(pids).to.have.length(2);
    while (pids.some(isRunning)) await setTimeout(10);
  });

  for (const lazyApps of [true, false])
    it(`takes a process of Python along whose import does not end, with lazyApps: ${lazyApps}`, async function () {
      needsPython(this);
      const said: string[] = [];
      await killed(
        {
          "app.py": `
import os, threading
with open("writing", "w") as file:
    file.write(str(os.getpid()))
os.rename("writing", "begun")
threading.Event().wait()
`,
          "program.mjs": `
        import { existsSync, readFileSync } from "node:fs";
        import { setTimeout } from "node:timers/promises";
        import { Loop } from "eddy";
        import { python } from "eddy/adapters/python";
        const app = python("app:app", { python: "${PYTHON}", lazyApps: ${lazyApps} });
        void new Loop().mount(app).listen(0);
        while (!existsSync("begun")) await setTimeout(5);
        console.log(readFileSync("begun", "utf8"));
        console.log("ready");`,
        },
        said,
      );
      const pid = Number(said.find((one) => /^\d+$/.test(one)));
      expect(pid).to.be.greaterThan(0);
      while (isRunning(pid)) await setTimeout(10);
    });

  it("leaves what it shares with a process of Python that is just starting, and the next one removes it", async function () {
    needsPython(this);
    const pid = await killed({
      "app.py": `
import os, time
gateway = os.getppid()
open("begun", "w").close()
while os.getppid() == gateway:
    time.sleep(0.005)
`,
      "program.mjs": `
        import { existsSync } from "node:fs";
        import { setTimeout } from "node:timers/promises";
        import { Loop } from "eddy";
        import { python } from "eddy/adapters/python";
        void new Loop().mount(python("app:app", { python: "${PYTHON}" })).listen(0);
        while (!existsSync("begun")) await setTimeout(5);
        console.log("ready");`,
    });
    expect(foldersOf(pid, SHARED, "python")).to.have.length(1);
    const app = pythonApp("operated:pid");
    const { url } = await serveWith((loop) => loop.mount(app));
    expect(foldersOf(pid, SHARED, "python")).to.deep.equal([]);
    expect(await (await fetch(url)).text()).to.match(/^\d+$/);
  });
});
