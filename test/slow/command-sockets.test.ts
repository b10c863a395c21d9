/** Sockets that the command is given: by systemd, or by number. */
import { existsSync } from "node:fs";
import { get, type IncomingMessage, type RequestOptions } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import { encodePacket } from "../../adapters/uwsgi/packet.ts";
import { Eddy, MAIN, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { describeIf, outputOf } from "../support/programs.ts";
import { RawClient } from "../support/raw-client.ts";

const APP = {
  "app.mjs":
    "const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES } = process.env;" +
    "export default () => JSON.stringify({ LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES });",
};

const MISSING =
  outputOf("systemd-socket-activate", "--version") === undefined
    ? "systemd-socket-activate is not installed"
    : undefined;

/** As systemd would start it: at the first connection, which has to wait for it. */
function activated(
  cwd: string,
  sockets: readonly string[],
  ...args: string[]
): Eddy {
  const launcher = ["systemd-socket-activate", ...sockets];
  return new Eddy(cwd, args, {}, MAIN, launcher);
}

/** Also when nobody listens yet. */
async function ask(options: RequestOptions): Promise<string> {
  for (;;) {
    const request = get({ ...options, agent: false });
    try {
      const [response] = (await once(request, "response")) as [IncomingMessage];
      return (await response.setEncoding("utf8").toArray()).join("");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ECONNREFUSED" && code !== "ENOENT") throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describeIf(MISSING, "The command under systemd-socket-activate", function () {
  this.timeout(PATIENCE_MS);

  it("takes its TCP socket where no --http is given, with several workers, and none of them inherits LISTEN_FDS", async () => {
    const port = await freePort();
    const sockets = ["--listen", `127.0.0.1:${port}`, "--fdname", "any"];
    const command = activated(
      folderWith(APP),
      sockets,
      "app.mjs",
      "--workers",
      "2",
    );
    expect(await ask({ port, host: "127.0.0.1" })).to.equal("{}");
    expect(await command.url()).to.equal(`http://127.0.0.1:${port}`);
    expect(await command.workers()).to.have.lengthOf(2);
  });

  it("takes a Unix socket, which stays at the end, because it is systemd's", async () => {
    const folder = folderWith(APP);
    const socketPath = join(folder, "eddy.sock");
    const command = activated(folder, ["--listen", socketPath], "app.mjs");
    expect(await ask({ socketPath })).to.equal("{}");
    expect(await command.url()).to.equal(`unix:${socketPath}`);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
    expect(existsSync(socketPath)).to.equal(true);
  });

  it("takes one for http and one for uwsgi by their names", async () => {
    const [http, uwsgi] = [await freePort(), await freePort()];
    const sockets = [http, uwsgi].flatMap((port) => [
      "--listen",
      `127.0.0.1:${port}`,
    ]);
    const named = [...sockets, "--fdname", "http:uwsgi"];
    const command = activated(folderWith(APP), named, "app.mjs");
    expect(await ask({ port: http, host: "127.0.0.1" })).to.equal("{}");
    await command.url();
    const front = await RawClient.connect(uwsgi);
    const variables = { REQUEST_METHOD: "GET", REQUEST_URI: "/" };
    front.send(encodePacket(variables).toString("latin1"));
    expect(await front.untilClosed()).to.match(/ 200 .*\r\n/);
  });

  it("takes several for http", async () => {
    const ports = [await freePort(), await freePort()];
    const sockets = ports.flatMap((port) => ["--listen", `127.0.0.1:${port}`]);
    const named = [...sockets, "--fdname", "http:http"];
    const command = activated(folderWith(APP), named, "app.mjs");
    for (const port of ports)
      expect(await ask({ port, host: "127.0.0.1" })).to.equal("{}");
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 worker$/);
    for (const port of ports)
      expect(await ask({ port, host: "127.0.0.1" })).to.equal("{}");
  });

  it("does not guess which of several is which", async () => {
    const [one, other] = [await freePort(), await freePort()];
    const sockets = ["--listen", String(one), "--listen", String(other)];
    const command = activated(folderWith(APP), sockets, "app.mjs");
    void ask({ port: one, host: "127.0.0.1" }).catch(() => {});
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(/LISTEN_FDS: .*FileDescriptorName= says/);
  });

  it("leaves it alone where --http is given, and says so", async () => {
    const port = await freePort();
    const sockets = ["--listen", `127.0.0.1:${port}`];
    const args = ["app.mjs", "--http", "127.0.0.1:0"];
    const command = activated(folderWith(APP), sockets, ...args);
    const waiting = ask({ port, host: "127.0.0.1" });
    waiting.catch(() => {}); // nobody answers
    await command.logged(/LISTEN_FDS has for http is not used/);
    expect(await command.url()).to.not.include(String(port));
  });

  it("says why uWebSockets.js cannot have it", async () => {
    const port = await freePort();
    const sockets = ["--listen", `127.0.0.1:${port}`];
    const args = ["app.mjs", "--engine", "uws"];
    const command = activated(folderWith(APP), sockets, ...args);
    void ask({ port, host: "127.0.0.1" }).catch(() => {});
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(
      /--engine uws listens on no socket that is there already, as .* opens its own: give --engine node/,
    );
  });

  it("takes it by --fd 3, too, and reloads on it", async () => {
    const port = await freePort();
    const sockets = ["--listen", `127.0.0.1:${port}`];
    const args = ["app.mjs", "--fd", "3", "--engine", "auto"];
    const command = activated(folderWith(APP), sockets, ...args);
    expect(await ask({ port, host: "127.0.0.1" })).to.equal("{}");
    await command.url();
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 worker$/);
    expect(await ask({ port, host: "127.0.0.1" })).to.equal("{}");
  });
});

describe("The command's --fd", function () {
  this.timeout(PATIENCE_MS);

  for (const [what, args, message] of [
    ["no socket", ["--fd", "77"], /--fd 77: this process has inherited no/],
    ["--http beside it", ["--fd", "3", "--http", ":0"], /--http and --fd both/],
    ["no number", ["--fd", "three"], /fd takes the number of a file descrip/],
  ] as const)
    it(`is refused for ${what}`, async () => {
      const command = new Eddy(folderWith(APP), ["app.mjs", ...args]);
      expect(await command.ended).to.equal(2);
      expect(command.stderr).to.match(message);
    });
});
