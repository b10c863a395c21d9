/** The command, on a machine with another user who would like to say what it does. */
import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { Server } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { run } from "effection";
import { Sockets } from "../../lib/cli/sockets.ts";
import { useUwsgiFront } from "../../lib/cli/uwsgi-front.ts";
import { eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { NOBODY, reachableByOthers } from "../support/other-user.ts";

/** Calls it as soon as a server listens, before whoever has made that one goes on. */
function atOnceBehindListen(action: () => void): void {
  const { listen } = Server.prototype;
  afterTest(() => (Server.prototype.listen = listen));
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    this.once("listening", action);
    return listen.apply(this, args as never);
  } as typeof listen;
}

describe("The temporary folder, where others can write", function () {
  this.timeout(PATIENCE_MS);

  it("gets no compiled code of the application and the config file, which somebody could change", async () => {
    const folder = folderWith({
      "app.ts": `
        const text: string = "compiled";
        export default ({ path }: { path: string }) => path === "/pid" ? String(process.pid) : text;`,
      "eddy.config.ts": `
        const text: string = "compiled";
        console.error("the config file is", text);
        export default { app: "./app.ts" };`,
      "temporary/.keep": "",
    });
    const temporary = join(folder, "temporary");
    const command = eddy(folder, [], { TMPDIR: temporary });
    expect(await command.text()).to.equal("compiled");
    const before = await command.text("/pid");
    command.kill("SIGHUP");
    while ((await command.text("/pid")) === before);
    expect(await command.text()).to.equal("compiled");
    expect(command.stderr).to.equal(
      "the config file is compiled\n".repeat(2), // a reload reads it again
    );
    expect(readdirSync(temporary)).to.deep.equal([".keep"]);
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
