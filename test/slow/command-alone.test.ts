/** The command without workers (`--workers 0`): its own process serves. */
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { encodePacket } from "../../adapters/uwsgi/packet.ts";
import { eddy, Eddy, MAIN, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { NOBODY, reachableByOthers } from "../support/other-user.ts";
import { RawClient } from "../support/raw-client.ts";
import { describeIf, outputOf } from "../support/programs.ts";

const APP = `
  setInterval(() => {}, 1000);
  export default async ({ path }) => {
    if (path === "/pid") return String(process.pid);
    if (path === "/uid") return process.getuid() + " " + process.getgroups();
    if (path === "/crash") setImmediate(() => { throw new Error("boom"); });
    if (path === "/never") { console.error("inside"); await new Promise(() => {}); }
    if (path === "/slow") { console.error("inside"); await new Promise((resolve) => process.once("SIGPIPE", resolve)); }
    return "hello";
  };`;

const folder = (): string => folderWith({ "app.mjs": APP });

function alone(cwd: string, ...args: string[]): Eddy {
  return eddy(cwd, ["app.mjs", "--workers", "0", ...args]);
}

async function portOf(command: Eddy): Promise<number> {
  const { address } = await command.logged(/; this process serves, without/);
  return (address as { port: number }).port;
}

async function ask(command: Eddy, path: string): Promise<string> {
  const client = await RawClient.connect(await portOf(command));
  client.request(`GET ${path}`, ["connection: close"]);
  return (await client.untilClosed()).split("\r\n\r\n")[1]!;
}

describe("The command with --workers 0", function () {
  this.timeout(PATIENCE_MS);

  it("serves in its own process, which its status is about, with no other", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const command = alone(folder(), "--stats", stats);
    expect(await ask(command, "/pid")).to.equal(String(command.pid));
    const status = await (await fetch(`http://${stats}/`)).json();
    expect(status).to.deep.include({ pid: command.pid, requests: 1 });
    expect(status.workers).to.have.lengthOf(1);
    expect(status.workers[0]).to.include({ pid: command.pid, state: "ready" });
    const tasks = await (await fetch(`http://${stats}/tasks`)).json();
    expect(tasks).to.have.nested.property("0.exchanges");
    const { pid } = command;
    const path = `/proc/${pid}/task/${pid}/children`;
    if (existsSync(path)) expect(readFileSync(path, "utf8")).to.equal("");
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const)
    it(`lets requests finish at ${signal}, and ends with 0, whatever the application has left running`, async () => {
      const command = alone(folder());
      const client = await RawClient.connect(await portOf(command));
      client.request("GET /slow");
      await command.complains(/inside/);
      command.kill(signal);
      await command.logged(new RegExp(`^${signal}: what runs finishes$`));
      command.kill("SIGPIPE");
      expect(await client.untilClosed()).to.match(/hello(\r\n)*$/);
      expect(await command.ended).to.equal(0);
    });

  it("stops at once at a second signal", async () => {
    const command = alone(folder());
    const client = await RawClient.connect(await portOf(command));
    client.request("GET /never");
    await command.complains(/inside/);
    command.kill("SIGTERM");
    await command.logged(/^SIGTERM: what runs finishes$/);
    command.kill("SIGINT");
    await command.logged(/^SIGINT again: it stops at once$/);
    expect(await command.ended).to.equal(0);
  });

  it("opens its log files anew at SIGUSR1, and refuses the signals that are about workers", async () => {
    const path = folder();
    const log = join(path, "access.log");
    const command = alone(path, "--access-log", log);
    await ask(command, "/");
    renameSync(log, `${log}.1`);
    command.kill("SIGUSR1");
    await command.logged(/^the log files are reopened$/);
    expect(existsSync(log)).to.equal(true);
    for (const signal of ["SIGHUP", "SIGTTIN", "SIGTTOU", "SIGUSR2"] as const) {
      command.kill(signal);
      await command.logged(new RegExp(`^${signal} is refused: .*--workers 0`));
    }
    expect(await ask(command, "/")).to.equal("hello");
  });

  it("refuses settings that it takes a supervisor for, all at once and with 2, but not where they ask for nothing", async () => {
    const file = { "eddy.config.yaml": "workerTimeout: 10s\nmaxRss: none\n" };
    const path = folderWith({ "app.mjs": APP, ...file });
    const command = alone(path, "--reload", "--max-requests", "0");
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(
      /^eddy: --workers 0 has no supervisor .*: workerTimeout \(.*yaml:1\), reload \(--reload\) needs one; .*--workers 1\n$/,
    );
  });

  it("ends with 3 when the application does not load, and with 1 when it fails, whose requests the log names", async () => {
    const broken = folderWith({ "app.mjs": "throw new Error('broken');" });
    const unloaded = alone(broken);
    expect(await unloaded.ended).to.equal(3);
    expect(unloaded.stderr).to.match(/^eddy: the application app.mjs does not/);
    const command = alone(folder());
    const client = await RawClient.connect(await portOf(command));
    client.request("GET /crash");
    const line = await command.logged(/^the process fails$/);
    expect(String(line["requests"])).to.match(/^GET \/crash/);
    expect(await command.ended).to.equal(1);
  });

  it("ends with 1 where another eddy has the address, which goes on", async () => {
    const first = alone(folder());
    const http = `127.0.0.1:${await portOf(first)}`;
    const second = alone(folder(), "--http", http);
    expect(await second.ended).to.equal(1);
    expect(second.stderr).to.match(/127\.0\.0\.1:\d+/);
    expect(await ask(first, "/")).to.equal("hello");
  });

  it("ends at once when it is told to while the application loads", async () => {
    const loading =
      "console.error('loading'); setInterval(() => {}, 1000); await new Promise(() => {});";
    const command = alone(folderWith({ "app.mjs": loading }));
    await command.complains(/loading/);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });

  it("runs a program that ends with serve(), with the command's settings", async () => {
    const program = `
      import { Loop } from "eddy";
      const loop = new Loop({ healthCheck: "/mine" }).mount(() => "mine");
      await loop.serve(1);`;
    const path = folderWith({ "app.mjs": program });
    const command = alone(path, "--health-check", "/healthz");
    expect(await ask(command, "/healthz")).to.equal("ready\n");
    expect(await ask(command, "/mine")).to.equal("mine");
  });

  it("speaks uwsgi by itself", async () => {
    const command = alone(folder(), "--uwsgi", "unix:front.sock");
    await portOf(command);
    const { address } = await command.logged(/^listening on uwsgi/);
    const front = await RawClient.connect((address as { unix: string }).unix);
    const variables = { REQUEST_METHOD: "GET", REQUEST_URI: "/pid" };
    front.send(encodePacket(variables).toString("latin1"));
    expect(await front.untilClosed()).to.include(String(command.pid));
  });

  it("becomes the user of --user before the application is loaded", async function () {
    const there = reachableByOthers(this);
    const path = there.folderWith({ "app.mjs": APP });
    const args = ["app.mjs", "--workers", "0", "--user", "nobody"];
    const command = there.eddy(path, args);
    expect(await ask(command, "/uid")).to.equal(`${NOBODY} ${NOBODY}`);
  });

  it("refuses reloads, and ends with 0, also where its user may not write beside its pid file", async function () {
    const there = reachableByOthers(this);
    const path = there.folderWith({ "app.mjs": APP });
    const pid = join(path, "eddy.pid"); // in a folder of root's
    const args = ["--workers", "0", "--user", "nobody", "--pid", pid];
    const command = there.eddy(path, ["app.mjs", ...args]);
    await portOf(command);
    const reload = there.eddy(path, ["reload", "--pid", pid]);
    expect(await reload.ended).to.equal(1);
    expect(reload.stderr).to.match(/^eddy: there are no workers to replace/m);
    await command.logged(/^SIGHUP is refused: there are no workers/);
    expect(await ask(command, "/uid")).to.equal(`${NOBODY} ${NOBODY}`);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });
});

describeIf(
  outputOf("systemd-socket-activate", "--version") === undefined
    ? "systemd-socket-activate is not installed"
    : undefined,
  "The command with --workers 0 under systemd-socket-activate",
  function () {
    this.timeout(PATIENCE_MS);

    it("takes the sockets for http and for uwsgi", async () => {
      const ports = [await freePort(), await freePort()];
      const sockets = ports.flatMap((port) => [
        "--listen",
        `127.0.0.1:${port}`,
      ]);
      const launcher = [
        "systemd-socket-activate",
        ...sockets,
        "--fdname",
        "http:uwsgi",
      ];
      const args = ["app.mjs", "--workers", "0"];
      const command = new Eddy(folder(), args, {}, MAIN, launcher);
      await command.complains(/Listening on/);
      const waiting = await RawClient.connect(ports[0]!);
      waiting.request("GET /pid", ["connection: close"]);
      expect(await waiting.untilClosed()).to.include(String(command.pid));
      const front = await RawClient.connect(ports[1]!);
      const variables = { REQUEST_METHOD: "GET", REQUEST_URI: "/" };
      front.send(encodePacket(variables).toString("latin1"));
      expect(await front.untilClosed()).to.include("hello");
    });
  },
);
