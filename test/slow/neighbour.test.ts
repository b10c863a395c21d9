/** The command, on a machine with another user who would like to say what it does. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { Server } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { run } from "effection";
import { Sockets } from "../../lib/cli/sockets.ts";
import { useUwsgiFront } from "../../lib/cli/uwsgi-front.ts";
import { PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { NOBODY, reachableByOthers } from "../support/other-user.ts";

/** Compiles files into the folder that jiti takes by itself, as jiti does it, and changes what they say. */
const plant = (root: string): string => `
  import { readdirSync, readFileSync, writeFileSync } from "node:fs";
  import { createJiti } from "${root}/node_modules/jiti/lib/jiti.mjs";

  const fsCache = process.env.TMPDIR + "/jiti";
  for (const file of ["app.ts", "eddy.config.ts"])
    await createJiti(import.meta.url, { fsCache, interopDefault: false }).import(import.meta.dirname + "/" + file);
  for (const name of readdirSync(fsCache)) {
    const path = fsCache + "/" + name;
    writeFileSync(path, readFileSync(path, "utf8").replace("honest", "planted"));
  }`;

/** Calls it as soon as a server listens, before whoever has made that one goes on. */
function atOnceBehindListen(action: () => void): void {
  const { listen } = Server.prototype;
  afterTest(() => (Server.prototype.listen = listen));
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    this.once("listening", action);
    return listen.apply(this, args as never);
  } as typeof listen;
}

describe("The temporary folder, where another user", function () {
  this.timeout(PATIENCE_MS);

  it("has put compiled code for the application and the config file: eddy runs the files themselves, and leaves nothing", async function () {
    const reachable = reachableByOthers(this);
    const folder = reachable.folderWith({
      "app.ts": `
        const text: string = "honest";
        export default ({ path }: { path: string }) => path === "/pid" ? String(process.pid) : text;`,
      "eddy.config.ts": `
        const text: string = "honest";
        console.error("the config file is", text);
        export default { app: "./app.ts" };`,
      "plant.mjs": plant(reachable.root),
    });
    const temporary = join(folder, "temporary");
    mkdirSync(temporary);
    chmodSync(temporary, 0o1777);
    const env = { TMPDIR: temporary };
    const planted = spawnSync(process.execPath, [join(folder, "plant.mjs")], {
      env,
      cwd: "/",
      uid: NOBODY,
      gid: NOBODY,
      encoding: "utf8",
    });
    expect(planted.stderr).to.equal("the config file is honest\n");
    expect(readdirSync(join(temporary, "jiti"))).to.have.length(2);

    const command = reachable.eddy(folder, [], env);
    expect(await command.text()).to.equal("honest");
    const before = await command.text("/pid");
    command.kill("SIGHUP");
    while ((await command.text("/pid")) === before);
    expect(await command.text()).to.equal("honest");
    expect(command.stderr).to.equal("the config file is honest\n");
    expect(readdirSync(temporary)).to.deep.equal(["jiti"]);
    expect(readdirSync(join(temporary, "jiti"))).to.have.length(2);
  });
});

describe("The status on a Unix socket", function () {
  this.timeout(PATIENCE_MS);

  it("is for its own user: another one can neither ask nor give orders", async function () {
    const reachable = reachableByOthers(this);
    const folder = reachable.folderWith({
      "app.mjs": "export default () => '';",
      "ask.mjs": `
        import { request } from "node:http";
        request({ method: "POST", path: "/tasks/1/halt", socketPath: "./stats.sock" })
          .on("error", ({ code }) => console.log(code))
          .on("response", ({ statusCode }) => process.exit(statusCode))
          .end();`,
    });
    const args = ["app.mjs", "--stats", "unix:./stats.sock"];
    await reachable.eddy(folder, args).url();
    const other = spawnSync(process.execPath, ["ask.mjs"], {
      cwd: folder,
      uid: NOBODY,
      gid: NOBODY,
      encoding: "utf8",
    });
    expect(other.stdout).to.equal("EACCES\n");
  });
});

describe("useUwsgiFront()", () => {
  it("gives the socket to the workers' user, and not the file that this one has put a link to in its place", async function () {
    if (process.getuid?.() !== 0) this.skip(); // only root gives files away
    const folder = folderWith({ "precious.txt": "" });
    const socket = join(folder, "eddy.sock");
    const owner = { uid: NOBODY, gid: NOBODY };
    await run(function* () {
      yield* useUwsgiFront(`unix:${socket}`, owner, new Sockets(new Map()));
      expect(statSync(socket)).to.include(owner);
    });

    const precious = join(folder, "precious.txt");
    atOnceBehindListen(() => {
      rmSync(socket);
      symlinkSync(precious, socket);
    });
    await run(function* () {
      yield* useUwsgiFront(`unix:${socket}`, owner, new Sockets(new Map()));
      expect(lstatSync(socket)).to.include(owner);
    });
    expect(statSync(precious)).to.include({ uid: 0, gid: 0 });
  });
});
