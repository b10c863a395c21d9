/** The setting `uwsgi`: front servers that speak it, before the command with its workers. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { expect } from "chai";
import { encodePacket } from "../../adapters/uwsgi/packet.ts";
import { Eddy, eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { NOBODY, reachableByOthers } from "../support/other-user.ts";
import { RawClient } from "../support/raw-client.ts";

const APP = `
  export default async ({ path, remoteAddress }) => {
    if (path === "/slow") await new Promise((resolve) => setTimeout(resolve, 50));
    if (path === "/never") { console.error("inside"); await new Promise(() => {}); }
    return path === "/pid" ? String(process.pid) : "hello " + remoteAddress;
  };`;

const FILES = { "app.mjs": APP };
const folder = (): string => folderWith(FILES);

/** Where it accepts, once it serves. */
async function place(command: Eddy): Promise<string | number> {
  await command.logged(/reloads$/);
  const { address } = await command.logged(/^listening on uwsgi/);
  const { unix, port } = address as { unix?: string; port: number };
  return unix ?? port;
}

/** As a front server asks. */
async function ask(at: string | number, path = "/"): Promise<string> {
  const client = await RawClient.connect(at);
  const variables = {
    REQUEST_METHOD: "GET",
    REQUEST_URI: path,
    HTTP_HOST: "example.org",
    REMOTE_ADDR: "192.0.2.7",
  };
  client.send(encodePacket(variables).toString("latin1"));
  return await client.untilClosed();
}

/** Sockets that the command's supervisor has open. */
function socketsOf({ pid }: Eddy): number {
  const files = `/proc/${pid}/fd`;
  const targets = readdirSync(files).map((name) => {
    try {
      return readlinkSync(join(files, name));
    } catch {
      return ""; // closed meanwhile
    }
  });
  return targets.filter((target) => target.startsWith("socket:")).length;
}

async function untilSockets(command: Eddy, count: number): Promise<void> {
  while (socketsOf(command) !== count)
    await new Promise((resolve) => setTimeout(resolve, 10)); // nobody tells
}

const pidFrom = async (at: string | number): Promise<number> =>
  Number(/\d+$/.exec(await ask(at, "/pid"))![0]);

describe("The command with --uwsgi", function () {
  this.timeout(PATIENCE_MS);

  it("serves front servers beside HTTP, and says so", async () => {
    const command = eddy(folder(), ["app.mjs", "--uwsgi", "127.0.0.1:0"]);
    const at = await place(command);
    expect(await ask(at)).to.match(/^HTTP\/1.1 200 OK\r\n[^]*hello 192.0.2.7$/);
    expect(await command.text()).to.equal("hello 127.0.0.1");
    const { msg } = await command.logged(/reloads$/);
    expect(msg).to.match(
      new RegExp(` and uwsgi://127\\.0\\.0\\.1:${at}( \\(|;)`),
    );
  });

  it("serves nobody else where HTTP is none", async () => {
    const args = ["app.mjs", "--http", "none", "--uwsgi", "127.0.0.1:0"];
    const command = new Eddy(folder(), args);
    expect(await ask(await place(command))).to.match(/hello 192.0.2.7$/);
    const listening = command.log.filter(({ msg }) =>
      msg.startsWith("listening on"),
    );
    expect(listening).to.have.length(1);
  });

  for (const [what, uwsgi] of [
    ["a port", "127.0.0.1:0"],
    ["a Unix socket", "unix:front.sock"],
  ] as const)
    it(`gives the connections of ${what} to several workers in turn`, async () => {
      const args = ["app.mjs", "--workers", "2", "--uwsgi", uwsgi];
      const command = eddy(folder(), args);
      const at = await place(command);
      const seen = [await pidFrom(at), await pidFrom(at)];
      expect(seen).to.have.members(await command.workers());
    });

  it("loses no request in a reload", async () => {
    const command = eddy(folder(), ["app.mjs", "--uwsgi", "127.0.0.1:0"]);
    const at = await place(command);
    const [old] = await command.workers();
    const answers: string[] = [];
    let reloaded = false;
    const clients = Array.from({ length: 4 }, async () => {
      while (!reloaded) answers.push(await ask(at, "/slow"));
    });
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 worker$/);
    await command.logged(/^stopped$/);
    reloaded = true;
    await Promise.all(clients);
    for (const answer of answers) expect(answer).to.match(/^HTTP\/1.1 200 OK/);
    expect(answers).to.have.length.greaterThan(4);
    expect(await pidFrom(at)).to.not.equal(old);
  });

  it("lets those wait that come while there is no worker", async () => {
    const command = eddy(folder(), ["app.mjs", "--uwsgi", "127.0.0.1:0"]);
    const at = await place(command);
    const [first] = await command.workers();
    process.kill(first!, "SIGKILL");
    await command.logged(/it was ended by SIGKILL/);
    expect(await pidFrom(at)).to.not.equal(first);
  });

  it("gives connections that a worker did not live to take to the next one", async function () {
    if (!existsSync("/proc/self/fd")) this.skip();
    const command = eddy(folder(), ["app.mjs", "--uwsgi", "127.0.0.1:0"]);
    const [first] = await command.workers();
    const at = await place(command);
    const before = socketsOf(command);
    process.kill(first!, "SIGSTOP");
    const clients = Array.from({ length: 5 }, () => ask(at, "/pid"));
    await untilSockets(command, before + clients.length);
    process.kill(first!, "SIGKILL");
    for (const answer of await Promise.all(clients)) {
      expect(answer).to.match(/^HTTP\/1.1 200 OK/);
      expect(answer).to.not.include(String(first));
    }
    await untilSockets(command, before);
  });

  it("closes a connection for which its worker has no free file", async function () {
    if (spawnSync("prlimit").error !== undefined) return this.skip();
    const path = folderWith({
      "app.mjs": `
        import { execFileSync } from "node:child_process";
        import { closeSync, openSync } from "node:fs";
        const taken = [];
        export default ({ path }) => {
          if (path === "/take") {
            execFileSync("prlimit", ["--pid", String(process.pid), "--nofile=100"]);
            try { for (;;) taken.push(openSync("/dev/null")); } catch {}
          }
          if (path === "/free") for (const one of taken) closeSync(one);
          return "done";
        };`,
    });
    const command = eddy(path, ["app.mjs", "--uwsgi", "127.0.0.1:0"]);
    const at = await place(command);
    const { port } = new URL(await command.url());
    const client = await RawClient.connect(Number(port));
    client.request("GET /take");
    await client.until(/done$/);
    expect(await ask(at)).to.equal("");
    client.request("GET /free");
    await client.until(/done[^]*done$/);
    expect(await ask(at)).to.match(/done$/);
  });

  it("finishes what it has when it ends, takes no more, and leaves no socket", async () => {
    const path = folder();
    const args = ["app.mjs", "--drain-timeout", "50ms"];
    const command = eddy(path, [...args, "--uwsgi", "unix:front.sock"]);
    const at = await place(command);
    const waiting = ask(at, "/never");
    await command.complains(/inside/);
    command.kill("SIGTERM");
    expect(await waiting).to.match(/^HTTP\/1.1 503 /);
    expect(await command.ended).to.equal(0);
    expect(existsSync(join(path, "front.sock"))).to.equal(false);
  });

  it("gives the socket to the user of the workers", async function () {
    const reachable = reachableByOthers(this);
    const path = reachable.folderWith(FILES);
    const args = ["app.mjs", "--uwsgi", "unix:front.sock", "--user", "nobody"];
    const at = await place(reachable.eddy(path, args));
    expect(statSync(String(at)).uid).to.equal(NOBODY);
    expect(await ask(at)).to.match(/hello/);
  });

  it("takes the place of a socket that a killed one has left", async () => {
    const path = folder();
    const args = ["app.mjs", "--uwsgi", "unix:front.sock"];
    const killed = eddy(path, args);
    await place(killed);
    killed.kill("SIGKILL");
    await killed.ended;
    expect(existsSync(join(path, "front.sock"))).to.equal(true);
    expect(await ask(await place(eddy(path, args)))).to.match(/hello/);
  });

  it("ends with 1 when the address is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const args = ["app.mjs", "--uwsgi", `127.0.0.1:${port}`];
    const command = eddy(folder(), args);
    expect(await command.ended).to.equal(1);
    other.close();
    expect(command.stderr).to.match(
      /^eddy: uwsgi: cannot listen on 127.0.0.1:\d+: another process listens there/m,
    );
  });

  it("ends with 2 when of key and certificate there is one", async () => {
    for (const [given, missing] of [
      ["--tls-key", /^eddy: --tls-cert is missing/m],
      ["--tls-cert", /^eddy: --tls-key is missing/m],
    ] as const) {
      const command = new Eddy(folder(), ["app.mjs", given, "file.pem"]);
      expect(await command.ended).to.equal(2);
      expect(command.stderr).to.match(missing);
    }
  });

  it("ends with 2 when there is nowhere to listen", async () => {
    const command = new Eddy(folder(), ["app.mjs", "--http", "none"]);
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(/nowhere to listen/);
  });
});
