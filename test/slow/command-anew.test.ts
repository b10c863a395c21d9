/** What a reload reads anew, and what `eddy reload` and `eddy check` say: real processes. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pass } from "node:timers/promises";
import { expect } from "chai";
import { eddy, Eddy, MAIN, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { HAS_UWS } from "../support/native.ts";
import { reachableByOthers } from "../support/other-user.ts";
import { APP, folder } from "../lifecycle/application.ts";

const ENGINES = HAS_UWS ? ["uws", "node"] : ["node"];

function run(
  cwd: string,
  ...args: string[]
): { status: number | null; stderr: string; stdout: string } {
  const { PWD: _, ...env } = process.env;
  return spawnSync(process.execPath, [MAIN, ...args], {
    cwd,
    env,
    encoding: "utf8",
  });
}

const onlyChildOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));

/** An engine of which no new connection is reset in a reload. */
const KEEPING = ["--engine", "node"];

/** What is answered once it is not `old`, by which a worker answers until it has stopped to listen. */
async function otherText(command: Eddy, old: string): Promise<string> {
  for (;;) {
    const text = await command.text();
    if (text !== old) return text;
  }
}

describe("A reload", function () {
  this.timeout(PATIENCE_MS);

  it("reads the config file again", async () => {
    const path = folderWith({
      "a.mjs": 'export default () => "a";',
      "b.mjs": 'export default () => "b";',
    });
    const config = join(path, "eddy.config.yaml");
    writeFileSync(config, "app: a.mjs\n");
    const command = eddy(path, KEEPING);
    expect(await command.text()).to.equal("a");
    writeFileSync(config, "app: b.mjs\n");
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 worker$/);
    expect(await otherText(command, "a")).to.equal("b");
  });

  for (const extension of ["js", "ts"])
    it(`reads a config file again that is a module, and what it imports, .${extension}`, async () => {
      const path = folderWith({
        "a.mjs": APP,
        "b.mjs": 'export default () => "b";',
        "package.json": '{ "type": "module" }',
        "name.mjs": 'export const name = "a.mjs";',
        [`eddy.config.${extension}`]: `
          import { defineConfig } from "eddy/config";
          import { name } from "./name.mjs";
          export default defineConfig({ app: name });`,
      });
      const command = eddy(path, KEEPING);
      const before = await command.text();
      writeFileSync(join(path, "name.mjs"), 'export const name = "b.mjs";');
      command.kill("SIGHUP");
      await command.logged(/^reloaded 1 worker$/);
      expect(await otherText(command, before)).to.equal("b");
    });

  it("keeps the workers where a config file that is a module ends, throws, or exports no data", async () => {
    const config = 'export default { app: "app.mjs" };';
    const path = folderWith({ "app.mjs": APP, "eddy.config.js": config });
    const command = eddy(path, ["--start-timeout", "2s"]);
    const [worker] = await command.workers();
    for (const [i, [code, says]] of [
      ["process.exit(0);", "it ends its thread"],
      ["for (;;);", "it has not ended within 2000 ms"],
      ["await new Promise(() => {});", "it ends its thread"],
      ['throw new Error("not now");', "Error: not now"],
      ["export default { app() {} };", "could not be cloned"],
    ].entries()) {
      writeFileSync(join(path, "eddy.config.js"), code!);
      command.kill("SIGHUP");
      await command.logged(
        new RegExp(`eddy\\.config\\.js does not load: .*${says}`),
      );
      await command.logged(/^the reload ends here/, i + 1);
    }
    expect(Number(await command.text("/pid"))).to.equal(worker);
  });

  it("says which settings take a restart, and goes on without them", async () => {
    const path = folderWith({ "app.mjs": APP, "eddy.config.yaml": "" });
    const command = eddy(path, ["app.mjs"]);
    await command.url();
    writeFileSync(
      join(path, "eddy.config.yaml"),
      "logLevel: error\nhttp2: true\nmaxBody: 1KiB\n",
    );
    command.kill("SIGHUP");
    await command.logged(/^http2, logLevel changed: that takes a restart/);
    await command.logged(/^reloaded 1 worker$/);
  });

  it("keeps the workers where the config file is wrong, and says so", async () => {
    const path = folderWith({ "app.mjs": APP, "eddy.config.yaml": "" });
    const command = eddy(path, ["app.mjs", "--pid", "eddy.pid"]);
    const [worker] = await command.workers();
    writeFileSync(join(path, "eddy.config.yaml"), "maxBdy: 1KiB\n");
    const { status, stderr } = run(path, "reload", "--pid", "eddy.pid");
    expect(status).to.equal(2); // it reads that file, too
    expect(stderr).to.match(/there is no setting maxBdy/);
    command.kill("SIGHUP");
    await command.logged(/there is no setting maxBdy/);
    await command.logged(/^the reload ends here/);
    expect(Number(await command.text("/pid"))).to.equal(worker);
  });

  it("takes what `current` leads to now, also as the working directory", async () => {
    const root = folderWith({
      "1/app.mjs": "export default () => `1 ${process.cwd()}`;",
      "2/app.mjs": "export default () => `2 ${process.cwd()}`;",
    });
    const current = join(root, "current");
    symlinkSync(join(root, "1"), current);
    const command = eddy(current, ["app.mjs", ...KEEPING], { PWD: current });
    const first = `1 ${join(root, "1")}`;
    expect(await command.text()).to.equal(first);
    symlinkSync(join(root, "2"), `${current}.new`);
    renameSync(`${current}.new`, current);
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 worker$/);
    expect(await otherText(command, first)).to.equal(`2 ${join(root, "2")}`);
  });

  it("is one more for several SIGHUPs that come meanwhile", async () => {
    const path = folderWith({
      "app.mjs": `${APP}\nawait new Promise((go) => setTimeout(go, 300));`,
    });
    const command = eddy(path, ["app.mjs"]);
    await command.url();
    command.kill("SIGHUP");
    await command.logged(/^SIGHUP received$/);
    for (let i = 0; i < 5; i++) {
      command.kill("SIGHUP");
      await new Promise(setImmediate); // the system merges signals that come at once
    }
    await command.logged(/^reloaded 1 worker$/, 2);
    command.kill("SIGTTIN"); // comes behind all of them
    await command.logged(/^2 workers wanted$/);
    const reloads = command.log.filter(({ msg }) => msg === "SIGHUP received");
    expect(reloads).to.have.length(2);
  });

  it("replaces those that stay where fewer are wanted now", async () => {
    const config = { "eddy.config.yaml": "app: app.mjs\nworkers: 3\n" };
    const path = folderWith({ "app.mjs": APP, ...config });
    const command = eddy(path, []);
    const before = await command.workers();
    expect(before).to.have.length(3);
    const now = "app: app.mjs\nworkers: 1\n";
    writeFileSync(join(path, "eddy.config.yaml"), now);
    command.kill("SIGHUP");
    await command.logged(/^reloaded/);
    expect(before).not.to.include(Number(await command.text("/pid")));
  });

  it("is over when the workers before take no new connections", async () => {
    const args = ["--workers", "2", "--readiness-delay", "200ms"];
    const command = eddy(folder(), ["app.mjs", ...args]);
    const before = await command.workers();
    command.kill("SIGHUP");
    await command.logged(/^reloaded 2 workers$/);
    const headers = { connection: "close" };
    for (let i = 0; i < 20; i++) {
      const response = await fetch(`${await command.url()}/pid`, { headers });
      expect(before).not.to.include(Number(await response.text()));
    }
  });

  it("that fails halfway says how many workers are new, and ends eddy reload with 1", async () => {
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(path, [
      "app.mjs",
      "--workers",
      "2",
      "--pid",
      "eddy.pid",
    ]);
    const before = await command.workers();
    expect(run(path, "reload", "--pid", "eddy.pid").status).to.equal(0);
    writeFileSync(
      join(path, "app.mjs"),
      `${APP}
      import { mkdirSync } from "node:fs";
      mkdirSync("once"); // only the first of them starts`,
    );
    const { status, stderr } = run(path, "reload", "--pid", "eddy.pid");
    expect(stderr).to.match(
      /^eddy: the reload ends here; 1 of 2 workers are new, the others go on as they were \(the log says why\)\n$/,
    );
    expect(status).to.equal(1);
    expect(before).to.have.length(2);
  });
});

describe("A worker", function () {
  this.timeout(PATIENCE_MS);

  it("that somebody tells to end is replaced at once, and closes as in a reload", async () => {
    const command = eddy(folder(), ["app.mjs"]);
    const [worker] = await command.workers();
    process.kill(worker!, "SIGTERM");
    await command.logged(new RegExp(`^worker ${worker} is told to end$`));
    await command.logged(/^listening on/, 2);
    await command.logged(/^stopped$/);
    expect(Number(await command.text("/pid"))).to.not.equal(worker);
    expect(command.log.some(({ msg }) => /has ended/.test(msg))).to.equal(
      false,
    );
  });
});

describe("The command", function () {
  this.timeout(PATIENCE_MS);

  it("ends when it is told to while its first worker hangs", async () => {
    const path = folderWith({
      "app.mjs": APP,
      "hangs.cjs": `
        const { writeFileSync } = require("node:fs");
        process.on("newListener", (name) => name === "SIGTERM" && writeFileSync("hears", ""));
        if (process.send !== undefined) {
          writeFileSync("hangs", "");
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        }`,
    });
    const command = eddy(path, ["app.mjs"], {
      NODE_OPTIONS: `--require ${join(path, "hangs.cjs")}`,
    });
    for (const file of ["hangs", "hears"])
      while (!existsSync(join(path, file))) await pass(20);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });

  for (const engine of ENGINES)
    it(`has --umask decide the mode of a Unix socket, on ${engine}`, async () => {
      const path = folder();
      const command = new Eddy(path, [
        "app.mjs",
        "--http",
        `unix:./eddy.sock=${engine}`,
        "--umask",
        "007",
      ]);
      await command.logged(/reloads$/);
      const { mode } = statSync(join(path, "eddy.sock"));
      expect((mode & 0o777).toString(8)).to.equal("770");
    });

  it("says once that --user cannot enter the folder, and which it is", async function () {
    const reachable = reachableByOthers(this);
    const path = reachable.folderWith({ "locked/in/app.mjs": APP });
    chmodSync(join(path, "locked"), 0o700);
    const args = ["app.mjs", "--user", "nobody"];
    const command = reachable.eddy(join(path, "locked/in"), args);
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.equal(
      `eddy: user: nobody cannot enter ${join(path, "locked")}, which the working directory is in or below: ` +
        `let it (chmod o+x ${join(path, "locked")}), or move that elsewhere\n`,
    );
    expect(command.lines).to.deep.equal([]);
  });
});

describe("eddy reload", function () {
  this.timeout(PATIENCE_MS);

  it("ends with 1, and says so, where the new application does not load, and the old one serves on", async () => {
    const path = folder();
    const command = eddy(path, ["app.mjs", "--pid", "eddy.pid"]);
    const before = await command.text();
    writeFileSync(join(path, "app.mjs"), 'throw new Error("no");');
    const reload = new Eddy(path, ["reload", "--pid", "eddy.pid"]);
    expect(await reload.ended).to.equal(1);
    expect(reload.stderr).to.match(/\(the log says why\)/);
    expect(await command.text()).to.equal(before);
  });
});

describe("eddy check", function () {
  this.timeout(PATIENCE_MS);

  it("loads settings and application, and ends with 0, 2 or 3", () => {
    const path = folderWith({
      "app.mjs": APP,
      "bad.mjs": 'throw new Error("no");',
      "eddy.config.yaml": "http: 127.0.0.1:1\n", // which it does not listen on
    });
    const good = run(path, "check", "app.mjs");
    expect(good.status).to.equal(0);
    expect(good.stdout).to.match(/^app\.mjs: good$/m); // where uWebSockets.js does not load, that is said, too
    const bad = run(path, "check", "bad.mjs");
    expect(bad.status).to.equal(3);
    expect(bad.stderr).to.match(/bad\.mjs does not load: Error: no/);
    const wrong = run(path, "check", "app.mjs", "--max-body", "7");
    expect(wrong.status).to.equal(2);
    const missing = run(path, "check", "app.mjs", "--tls-key", "no.pem");
    expect(missing.status).to.equal(2);
    const lone = run(path, "check", "app.mjs", "--workers", "0");
    expect(lone.status).to.equal(0);
    const reload = run(path, "check", "app.mjs", "--workers=0", "--reload");
    expect(reload.status).to.equal(2);
    expect(reload.stderr).to.match(/--workers 0 has no supervisor/);
  });
});

describe("Process 1", function () {
  this.timeout(PATIENCE_MS);
  const UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"];

  before(function () {
    if (spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), "true"]).status !== 0)
      this.skip();
  });

  it("says once that it cannot reap, and leaves no Python process a zombie", async () => {
    const path = folderWith({
      "app.py": `
import os

def app(environ, start_response):
    if environ["PATH_INFO"] == "/die":
        os._exit(1)
    states = [open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] for pid in os.listdir("/proc") if pid.isdigit()]
    start_response("200 OK", [])
    return [" ".join(states).encode()]
`,
    });
    const args = ["--http", "127.0.0.1:0", "python:app:app"];
    const command = new Eddy(path, args, {}, MAIN, UNSHARE);
    await command.url();
    try {
      for (let i = 0; i < 3; i++) await command.text("/die");
      const states = await command.text("/");
      expect(states).to.not.equal("");
      expect(states.split(" ")).to.not.include("Z");
      const warnings = command.log.filter(({ msg }) => /process 1,/.test(msg));
      expect(warnings).to.have.length(1);
    } finally {
      process.kill(onlyChildOf(command.pid), "SIGTERM"); // unshare ignores it
      await command.ended;
    }
  });
});
