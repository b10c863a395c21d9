/** The supervisor, told by signals, flags and files: real processes. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { itOnUws } from "../support/native.ts";
import { eddy, Eddy, IN_SHELL, MAIN, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { MEANINGLESS } from "../../lib/cli/use-signals.ts";
import { NOBODY, reachableByOthers } from "../support/other-user.ts";
import { RawClient } from "../support/raw-client.ts";
import { APP, folder, runs } from "../lifecycle/application.ts";

describe("The supervisor", function () {
  this.timeout(PATIENCE_MS);

  it("replaces the workers one by one at SIGHUP, and keep-alive clients lose nothing", async () => {
    const command = eddy(folder(), ["app.mjs", "--workers", "2"]);
    const url = await command.url();
    const before = await command.workers();
    const agent = new Agent({ keepAlive: true });
    const ask = async (): Promise<string | undefined> => {
      const request = get(`${url}/pid`, { agent });
      let response: IncomingMessage;
      try {
        [response] = await once(request, "response");
      } catch (error) {
        if (request.reusedSocket) throw error;
        return "reset"; // docs/command.md: a new connection, in the moment in which its worker stops listening
      }
      response.resume();
      await once(response, "end");
      return response.headers.connection;
    };
    let [asked, told, reloaded] = [0, 0, false];
    const clients = Array.from({ length: 4 }, async () => {
      while (!reloaded) if (((asked += 1), (await ask()) === "close")) told++;
    });
    command.kill("SIGHUP");
    await command.logged(/^reloaded 2 workers$/);
    await command.logged(/^stopped$/, 2);
    reloaded = true;
    await Promise.all(clients); // which would throw what went wrong
    agent.destroy();
    expect(told).to.be.greaterThan(0);
    expect(asked).to.be.greaterThan(told);
    expect(
      command.log.filter(({ msg }) => msg === "stopped").map(({ pid }) => pid),
    ).to.have.members(before);
  });

  for (const [when, signal, message] of [
    ["a reload", "SIGHUP", /^reloaded 1 worker$/],
    ["the end", "SIGTERM", /^SIGTERM: the workers finish/],
  ] as const)
    it(`gives a connection that is idle at ${when} one more request`, async () => {
      const command = eddy(folder(), ["app.mjs"]);
      const { port } = new URL(await command.url());
      const client = await RawClient.connect(Number(port));
      client.request("GET /");
      await client.until(/hello$/);
      command.kill(signal);
      await command.logged(message);
      while (!/connection: close/i.test(client.received)) {
        await new Promise((resolve) => setTimeout(resolve, 20)); // idle, nearly all of the time
        client.received = "";
        client.request("GET /");
        await client.until(/hello(\r\n)*$/); // or it was cut
      }
    });

  it("keeps the old workers when the new application does not load", async () => {
    const path = folder();
    const command = eddy(path, ["app.mjs"]);
    const [worker] = await command.workers();
    writeFileSync(join(path, "app.mjs"), "throw new Error('broken');");
    command.kill("SIGHUP");
    await command.logged(
      /the application app\.mjs does not load: Error: broken\n {2}at app\.mjs:1/,
    );
    await command.logged(/^the reload ends here/);
    command.kill("SIGHUP");
    await command.logged(/^the reload ends here/, 2);
    expect(Number(await command.text("/pid"))).to.equal(worker);
  });

  it("starts one more at SIGTTIN, and ends one at SIGTTOU", async () => {
    const command = eddy(folder(), ["app.mjs"]);
    await command.url();
    command.kill("SIGTTIN");
    await command.logged(/^2 workers wanted/);
    await command.logged(/^listening on/, 2);
    command.kill("SIGTTOU");
    await command.logged(/^1 worker wanted/);
    await command.logged(/^stopped$/);
    expect(await command.text()).to.equal("hello");
  });

  itOnUws("is the only one on a Unix socket", async () => {
    const socket = ["app.mjs", "--http", "unix:./eddy.sock"];
    const two = new Eddy(folder(), [...socket, "--workers", "2"]);
    expect(await two.ended).to.equal(2);
    expect(two.stderr).to.match(/2 workers cannot share the Unix socket/);
    const command = new Eddy(folder(), socket);
    await command.logged(/reloads$/);
    command.kill("SIGTTIN");
    await command.logged(/^an address that cannot be shared has one worker$/);
  });

  it("is not tried again when settings are wrong that only the loop knows", async () => {
    const command = eddy(folder(), ["--mount", "/a*b=app.mjs"]);
    expect(await command.ended).to.equal(2);
    expect(command.log).to.deep.equal([]);
  });

  it("writes its process id, by which eddy reload finds it, and removes the file at the end", async () => {
    const path = folder();
    const command = eddy(path, ["app.mjs", "--pid", "eddy.pid"]);
    await command.url();
    expect(Number(readFileSync(join(path, "eddy.pid"), "utf8"))).to.equal(
      command.pid,
    );
    const second = eddy(path, ["app.mjs", "--pid", "eddy.pid"]);
    expect(await second.ended).to.equal(1);
    expect(second.stderr).to.match(/eddy\.pid: process \d+ runs already/);
    const reload = new Eddy(path, ["reload", "--pid", "eddy.pid"]);
    expect(await reload.ended).to.equal(0);
    await command.logged(/^reloaded 1 worker$/);
    command.kill("SIGTERM");
    await command.ended;
    expect(existsSync(join(path, "eddy.pid"))).to.equal(false);
    const late = new Eddy(path, ["reload", "--pid", "eddy.pid"]);
    expect(await late.ended).to.equal(1);
    expect(late.stderr).to.match(/eddy\.pid: no eddy runs by that pid file/);
  });

  it("is found from another folder, by the paths that it was given", async () => {
    const path = folderWith({ "srv/app.mjs": APP });
    const place = ["--chdir", "srv", "--pid", "eddy.pid"];
    const all = [...place, "--stats", "unix:eddy.sock"];
    const command = eddy(path, ["app.mjs", ...all]);
    await command.url();
    const top = new Eddy(path, ["top", ...all]);
    expect(await top.ended).to.equal(0);
    const reload = new Eddy(path, ["reload", ...all]);
    expect(await reload.ended).to.equal(0);
    await command.logged(/^reloaded 1 worker$/);
  });

  it("shows requests on a terminal, and ends with it, whose SIGHUP is no reload", async function () {
    const command = `exec ${IN_SHELL} app.mjs --http 127.0.0.1:0 --pid eddy.pid`;
    const path = folder();
    const terminal = spawn("script", ["-qefc", command, "/dev/null"], {
      cwd: path,
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      await once(terminal, "spawn");
    } catch {
      return this.skip(); // nobody here makes terminals
    }
    let screen = "";
    let isAsked = false;
    for await (const piece of terminal.stdout.setEncoding("utf8")) {
      screen += piece;
      const [, url] = /(http:\/\/[\d.:]+)[^]*\d+ reloads/.exec(screen) ?? [];
      if (url !== undefined && !isAsked) {
        isAsked = true;
        await fetch(`${url}/seen`, { headers: { connection: "close" } });
      }
      if (/\] GET \/seen 200 \d+ [\d.]+ms /.test(screen)) break;
    }
    terminal.kill("SIGKILL");
    const file = join(path, "eddy.pid");
    const pid = Number(readFileSync(file, "utf8"));
    while (runs(pid)) await new Promise((resolve) => setTimeout(resolve, 20)); // whose child it is will not tell
    expect(existsSync(file)).to.equal(false);
  });

  it("and its workers outlive every signal that means nothing to them, and say so", async () => {
    const path = folder();
    const command = eddy(path, ["app.mjs", "--pid", "eddy.pid"]);
    const [worker] = await command.workers();
    for (const signal of MEANINGLESS)
      for (const pid of [command.pid, worker!]) {
        process.kill(pid, signal);
        await command.until(`${signal} of ${pid}`, () =>
          command.log.find(
            (line) => line.pid === pid && line.msg.startsWith(signal),
          ),
        );
      }
    expect(await command.text("/pid")).to.equal(String(worker));
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
    expect(existsSync(join(path, "eddy.pid"))).to.equal(false);
  });

  it("leaves a signal to an application that listens to it", async () => {
    const command = eddy(
      folderWith({
        "app.mjs": `
          process.on("SIGUSR2", () => console.error("heard"));
          export default () => "hello";`,
      }),
      ["app.mjs"],
    );
    const [worker] = await command.workers();
    process.kill(worker!, "SIGUSR2");
    await command.complains(/heard/);
    process.kill(worker!, "SIGALRM");
    await command.logged(/^SIGALRM is ignored/);
    expect(command.log.some(({ msg }) => msg.includes("USR2"))).to.equal(false);
  });

  it("says which port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const command = new Eddy(folder(), [
      "app.mjs",
      "--http",
      `127.0.0.1:${port}`,
    ]);
    expect(await command.ended).to.equal(1);
    expect(command.stderr).to.match(
      /cannot listen on 127\.0\.0\.1:\d+: another process listens there/,
    );
    taken.close();
  });

  it("reloads on a Unix socket, too", async () => {
    const path = folder();
    const command = new Eddy(path, ["app.mjs", "--http", "unix:./eddy.sock"]);
    await command.logged(/reloads$/);
    const ask = async (): Promise<string> => {
      const [response] = await once(
        get({
          socketPath: join(path, "eddy.sock"),
          path: "/pid",
          agent: false,
        }),
        "response",
      );
      let text = "";
      for await (const chunk of response) text += String(chunk);
      return text;
    };
    const first = await ask();
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 worker$/);
    expect(await ask()).to.not.equal(first);
  });

  it("passes on what the application needs, or does not start", async () => {
    const path = folderWith({
      "app.mjs": APP,
      "eddy.config.yaml":
        "settings:\n  DATABASE_URL:\n    required: true\n  REGION:\n    default: eu\n",
    });
    const without = eddy(path, ["app.mjs"]);
    expect(await without.ended).to.equal(2);
    expect(without.stderr).to.match(
      /needs variables that are not set \(eddy\.config\.yaml:1\):\n {2}DATABASE_URL/,
    );
    const command = eddy(path, ["app.mjs"], { DATABASE_URL: "here" });
    expect(await command.text("/env?name=DATABASE_URL")).to.equal("here");
    expect(await command.text("/env?name=REGION")).to.equal("eu");
  });

  it("runs in another folder, with another mask and other users, if told so", async function () {
    const reachable = reachableByOthers(this);
    const path = reachable.folderWith({
      "srv/app.mjs":
        "export default () => JSON.stringify([process.cwd(), process.umask(), process.getuid(), process.getgid()]);",
    });
    const command = reachable.eddy(path, [
      "app.mjs",
      "--chdir",
      "srv",
      "--umask",
      "027",
      "--user",
      "nobody",
      "--group",
      "daemon",
    ]);
    expect(JSON.parse(await command.text())).to.deep.equal([
      join(path, "srv"),
      0o27,
      NOBODY,
      1,
    ]);
  });
});

describe("Whoever is not root", function () {
  this.timeout(PATIENCE_MS);

  for (const [what, args, code, message] of [
    [
      "cannot run workers as somebody else",
      ["app.mjs", "--http", "127.0.0.1:0", "--user", "root"],
      2,
      /^eddy: cannot start a worker: spawn EPERM; only root can run workers as another user or group\n$/,
    ],
    [
      "cannot reload somebody else's eddy",
      ["reload", "--pid", "init.pid"],
      1,
      /^eddy: init\.pid: cannot send SIGHUP to process 1: kill EPERM; it takes its own user, or root\n$/,
    ],
  ] as const)
    it(what, async function () {
      const isRoot = process.getuid?.() === 0;
      const place = isRoot ? reachableByOthers(this) : undefined;
      const files = { "app.mjs": APP, "init.pid": "1\n" };
      const child = spawn(process.execPath, [place?.main ?? MAIN, ...args], {
        cwd: place?.folderWith(files) ?? folderWith(files),
        stdio: ["ignore", "ignore", "pipe"],
        // of a shell of root's: nobody else can enter what is above
        env: { ...process.env, PWD: join(folderWith({}), "below") },
        ...(isRoot && { uid: NOBODY, gid: NOBODY }),
      });
      const ended = once(child, "close");
      expect(await text(child.stderr)).to.match(message);
      expect(await ended).to.deep.equal([code, null]);
    });
});
