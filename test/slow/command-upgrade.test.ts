/** SIGUSR2 starts a new release of the command, on the sockets of the old one. */
import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { Agent, get, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import { encodePacket } from "../../adapters/uwsgi/packet.ts";
import { Eddy, eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { HAS_UWS } from "../support/native.ts";
import { RawClient } from "../support/raw-client.ts";

const appOf = (release: string): string => `export default () => "${release}";`;

/** A folder `current` that leads to the first of two releases. */
function releases(): string {
  const folder = folderWith({
    "one/app.mjs": appOf("one"),
    "two/app.mjs": appOf("two"),
    "broken/app.mjs": "throw new Error('out of order');",
  });
  symlinkSync("one", join(folder, "current"));
  return folder;
}

function point(folder: string, release: string): void {
  rmSync(join(folder, "current"));
  symlinkSync(release, join(folder, "current"));
}

/**
 * Ends what the command has become by now, which has its output, too. Called behind its start, as it has to come first.
 */
function endBy(pidFile: string): void {
  afterTest(async () => {
    if (!existsSync(pidFile)) return;
    const pid = Number(readFileSync(pidFile, "utf8"));
    for (const signal of ["SIGTERM", "SIGINT"] as const)
      process.kill(pid, signal);
    while (existsSync(pidFile))
      await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

/** Clients that ask again and again, some by a connection for each request. */
class Load {
  failed: string[] = [];
  readonly answers: string[] = [];
  #over = false;
  readonly #clients: Promise<void>[];

  constructor(url: string) {
    const agents = [
      new Agent({ keepAlive: true, maxSockets: 1 }),
      false,
    ] as const;
    this.#clients = [...agents, ...agents].map((agent) =>
      this.#ask(url, agent),
    );
    afterTest(() => {
      this.#over = true;
    });
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#clients);
  }

  async #ask(url: string, agent: Agent | false): Promise<void> {
    while (!this.#over)
      try {
        const [response] = (await once(get(url, { agent }), "response")) as [
          IncomingMessage,
        ];
        this.answers.push(
          (await response.setEncoding("utf8").toArray()).join(""),
        );
      } catch (error) {
        this.failed.push(String(error));
      }
  }
}

describe("At SIGUSR2 the command", function () {
  this.timeout(PATIENCE_MS);

  it("gives way to what `current` leads to now, and no request fails; pid file and status pass to it", async () => {
    const folder = releases();
    const pidFile = join(folder, "eddy.pid");
    const stats = `unix:${join(folder, "stats.sock")}`;
    const command = eddy(folder, [
      "--chdir",
      "current",
      "app.mjs",
      "--engine",
      "node",
      "--workers",
      "2",
      "--pid",
      pidFile,
      "--stats",
      stats,
    ]);
    endBy(pidFile);
    const url = await command.url();
    const load = new Load(url);
    expect(Number(readFileSync(pidFile, "utf8"))).to.equal(command.pid);
    point(folder, "two");
    command.kill("SIGUSR2");
    await command.logged(/reloads$/, 2);
    await command.logged(/^a new release serves: the workers finish/);
    await drained(command);
    const served = load.answers.length;
    while (load.answers.length < served + 100) await new Promise(setImmediate);
    await load.end();
    expect(load.failed).to.deep.equal([]);
    expect(load.answers[0]).to.equal("one");
    expect(load.answers.at(-1)).to.equal("two");
    const successor = Number(readFileSync(pidFile, "utf8"));
    expect(successor).not.to.equal(command.pid);
    expect(await statusPid(join(folder, "stats.sock"))).to.equal(successor);
    const second = eddy(folder, [
      "--http",
      new URL(url).host,
      "--chdir",
      "one",
      "app.mjs",
    ]);
    expect(await second.ended).to.equal(1);
    expect(second.stderr).to.match(/another eddy has this address/);
  });

  it("goes on where the new release does not start, and says so; the next one may", async () => {
    const folder = releases();
    const pidFile = join(folder, "eddy.pid");
    const socket = join(folder, "eddy.sock");
    const stats = `unix:${join(folder, "stats.sock")}`;
    const command = new Eddy(folder, [
      "--chdir",
      "current",
      "app.mjs",
      "--engine",
      "node",
      "--http",
      `unix:${socket}`,
      "--pid",
      pidFile,
      "--stats",
      stats,
    ]);
    endBy(pidFile);
    await command.url();
    point(folder, "broken");
    command.kill("SIGUSR2");
    const { level, msg } = await command.logged(
      /^the new release does not start/,
    );
    expect(level).to.equal(50);
    expect(msg).to.match(/process \d+ ended with code 3; this one goes on$/);
    expect(await text(socket)).to.equal("one");
    expect(Number(readFileSync(pidFile, "utf8"))).to.equal(command.pid);
    expect(await statusPid(join(folder, "stats.sock"))).to.equal(command.pid);
    point(folder, "two");
    command.kill("SIGUSR2");
    await command.logged(/^a new release serves/);
    await drained(command);
    expect(await text(socket)).to.equal("two");
  });

  it("passes the socket of --uwsgi on", async () => {
    const folder = releases();
    const pidFile = join(folder, "eddy.pid");
    const socket = join(folder, "front.sock");
    const command = new Eddy(folder, [
      "--chdir",
      "current",
      "app.mjs",
      "--http",
      "none",
      "--uwsgi",
      `unix:${socket}`,
      "--pid",
      pidFile,
    ]);
    endBy(pidFile);
    await command.url();
    point(folder, "two");
    command.kill("SIGUSR2");
    await command.logged(/^a new release serves/);
    await drained(command);
    const client = await RawClient.connect(socket);
    const variables = { REQUEST_METHOD: "GET", REQUEST_URI: "/" };
    client.send(encodePacket(variables).toString("latin1"));
    expect(await client.untilClosed()).to.match(/ 200 [^]*two$/);
  });

  (HAS_UWS ? it : it.skip)(
    "gives way with uWebSockets.js, too, whose workers share the port, beside the sockets of Node's",
    async () => {
      const folder = releases();
      const pidFile = join(folder, "eddy.pid");
      const command = eddy(folder, [
        "--chdir",
        "current",
        "app.mjs",
        "--http",
        `127.0.0.1:0=uws,127.0.0.1:0=node,unix:${join(folder, "a.sock")}=node`,
        "--pid",
        pidFile,
      ]);
      endBy(pidFile);
      const { msg } = await command.logged(/reloads$/);
      const load = new Load(msg.match(/http:[^ ;]+/g)![1]!);
      point(folder, "two");
      command.kill("SIGUSR2");
      await command.logged(/^a new release serves/);
      await drained(command);
      await load.end();
      expect(load.failed).to.deep.equal([]);
      expect(await command.text()).to.equal("two");
      expect(await text(join(folder, "a.sock"))).to.equal("two");
      const urls = / on .*;/;
      const { msg: later } = await command.logged(/reloads$/, 2);
      expect(urls.exec(later)).to.deep.equal(urls.exec(msg));
    },
  );
});

/** The first one has ended: its output has not, which the new one writes to. */
async function drained(command: Eddy): Promise<void> {
  await command.until("its end", () =>
    command.log.find(
      ({ pid, msg }) => pid === command.pid && msg === "stopped",
    ),
  );
}

async function text(socketPath: string): Promise<string> {
  const [response] = (await once(
    get({ socketPath, agent: false }),
    "response",
  )) as [IncomingMessage];
  return (await response.setEncoding("utf8").toArray()).join("");
}

const statusPid = async (socket: string): Promise<number> =>
  (JSON.parse(await text(socket)) as { pid: number }).pid;
