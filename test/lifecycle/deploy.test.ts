/** The command under process managers: what systemd hears, and that its tools take the samples. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { flagOf, KEYS, SCHEMA } from "../../lib/cli/schema.ts";
import { eddy, Eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { ROOT } from "../support/root.ts";

const has = (tool: string): boolean =>
  spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;

/** Prints each datagram, its lines joined. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode().strip().replace("\\n", " "), flush=True)
`;

describe("systemd", function () {
  this.timeout(PATIENCE_MS);

  it("hears, on a real datagram socket, when the workers serve, reload and end, and that they are alive", async function () {
    if (!has("systemd-notify") || !has("python3")) return this.skip();
    const path = folderWith({ "app.mjs": "export default () => '';" });
    const socket = join(path, "notify");
    const receiver = spawn("python3", ["-c", RECEIVER, socket], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const heard: string[] = [];
      const lines = createInterface(receiver.stdout);
      lines.on("line", (line) => heard.push(line));
      const hears = async (state: RegExp, times = 1): Promise<void> => {
        while (heard.filter((line) => state.test(line)).length < times)
          await once(lines, "line");
      };
      await hears(/^bound$/);
      const command = eddy(path, ["app.mjs"], {
        NOTIFY_SOCKET: socket,
        WATCHDOG_USEC: "400000",
      });
      await hears(/READY=1/);
      await hears(/WATCHDOG=1/, 2);
      command.kill("SIGHUP");
      await hears(/RELOADING=1/);
      await hears(/READY=1/, 2);
      command.kill("SIGTERM");
      await hears(/STOPPING=1/);
      expect(await command.ended).to.equal(0);
    } finally {
      receiver.kill();
    }
  });
});

const read = (file: string): string =>
  readFileSync(join(ROOT, "samples/deploy", file), "utf8");

describe("samples/deploy", function () {
  this.timeout(PATIENCE_MS);

  it("has a unit that systemd takes", function () {
    if (!has("systemd-analyze")) return this.skip();
    const unit = read("eddy.service").replace(
      /^(ExecStart=)\S+/m,
      "$1/bin/true",
    ); // which has to be there
    const path = folderWith({ "eddy.service": unit });
    const { status, stderr } = spawnSync(
      "systemd-analyze",
      ["verify", join(path, "eddy.service")],
      { encoding: "utf8" },
    );
    expect(stderr).to.not.include("eddy.service"); // what it does not know, it only mentions
    expect(status, stderr).to.equal(0);
  });

  for (const [file, line] of [
    ["eddy.service", /^ExecStart=\S+\/eddy (.*)$/m],
    ["eddy.upstart.conf", /^exec \S+\/eddy (.*)$/m],
    ["Dockerfile", /^CMD \["\S+\/eddy", (.*)\]$/m],
  ] as const)
    it(`has a command in ${file} that serves, reloads at HUP, and ends with 0 at TERM`, async () => {
      const [, written = ""] = line.exec(read(file)) ?? [];
      const args = written.split(/[ ,"]+/).filter((arg) => arg !== "");
      expect(args).to.include("app.ts");
      const path = folderWith({ "app.ts": "export default () => 'up';" });
      const command = new Eddy(path, [...args, "--http", "127.0.0.1:0"], {
        NODE_ENV: "production",
      });
      expect(await command.text()).to.equal("up");
      command.kill("SIGHUP");
      await command.logged(/^reloaded \d+ workers$/);
      command.kill("SIGTERM");
      expect(await command.ended).to.equal(0);
    });

  it("has a Dockerfile whose process 1 is the command, at the port that it exposes", () => {
    expect(read("Dockerfile")).to.match(
      /^CMD \["node_modules\/\.bin\/eddy", /m,
    ); // a shell in between would keep TERM to itself
    expect(read("Dockerfile")).to.include(
      `\nEXPOSE ${SCHEMA.http.default.slice(1)}\n`,
    );
  });

  it("names flags that there are", () => {
    const flags = new Set(KEYS.map(flagOf));
    for (const file of [
      "eddy.service",
      "eddy.upstart.conf",
      "nginx.conf",
      "Dockerfile",
    ]) {
      const text = read(file);
      const used = [...text.matchAll(/eddy"?,? .*/g)].flatMap(
        ([line]) => line.match(/--[a-z-]+/g) ?? [],
      );
      expect(
        used.filter(
          (flag) =>
            !flags.has(flag) && flag !== "--die-on-term" && flag !== "--now",
        ),
      ).to.deep.equal([]);
    }
  });
});
