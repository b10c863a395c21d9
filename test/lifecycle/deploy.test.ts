/** The command under process managers: what systemd hears, and that its tools take the samples. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { eddy, PATIENCE_MS } from "../support/command.ts";
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

describe("samples/deploy", () => {
  it("has an nginx site that nginx takes", function () {
    if (!has("nginx")) return this.skip();
    const site = join(ROOT, "samples/deploy/nginx.conf");
    const path = folderWith({
      "nginx.conf": `pid nginx.pid; events {} http { access_log off; include ${site}; }`,
    });
    const { status, stderr } = spawnSync(
      "nginx",
      ["-t", "-p", path, "-e", "stderr", "-c", join(path, "nginx.conf")],
      { encoding: "utf8" },
    );
    expect(status, stderr).to.equal(0);
  });

  it("names flags that there are", async () => {
    const { KEYS, flagOf } = await import("../../lib/cli/schema.ts");
    const flags = new Set(KEYS.map(flagOf));
    for (const file of [
      "eddy.service",
      "eddy.upstart.conf",
      "nginx.conf",
      "Dockerfile",
    ]) {
      const text = readFileSync(join(ROOT, "samples/deploy", file), "utf8");
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
