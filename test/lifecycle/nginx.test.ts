/** A real nginx in front, set up as docs/operations.md says. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { afterEach, before, beforeEach } from "mocha";
import { json, type ListenOptions } from "../../lib/index.ts";
import { RawClient } from "../support/raw-client.ts";
import { TestServer } from "../support/server.ts";

const PAGE = new URL("../../../docs/operations.md", import.meta.url);
const [, SNIPPET = ""] =
  /```nginx\n(.*?)```/s.exec(readFileSync(PAGE, "utf8")) ?? [];

/** As in the docs, but for what a test does not have: port 443, a certificate, a fixed upstream. */
function configuration(folder: string, port: number, upstream: string): string {
  const server = SNIPPET.replace(/server 127.0.0.1:8000;.*/, `${upstream};`)
    .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
    .replaceAll(/ssl_certificate.*/g, "");
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  return `
    daemon off;
    master_process off; # else it would give its rights away, and with them the folder
    pid ${folder}/pid;
    error_log ${folder}/error.log;
    events {}
    http { access_log off; ${paths.join(" ")} ${server} }`;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Debian has it where only root looks. */
const ENV = {
  ...process.env,
  PATH: `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin`,
};

function hasNginx(): boolean {
  return spawnSync("nginx", ["-v"], { env: ENV }).error === undefined;
}

class Nginx {
  readonly #folder: string;
  #process: ChildProcess | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `extra`: for the block of `proxy_pass`. Gives the port. */
  async start(upstream: string, extra: string): Promise<number> {
    const [folder, port] = [this.#folder, await freePort()];
    const conf = configuration(folder, port, upstream);
    writeFileSync(
      join(folder, "conf"),
      conf.replace("proxy_pass", `${extra} proxy_pass`),
    );
    const log = join(folder, "error.log");
    this.#process = spawn("nginx", ["-p", folder, "-e", log, "-c", "conf"], {
      env: ENV,
      stdio: ["ignore", "ignore", "pipe"],
    });
    await Promise.race([this.#listening(), this.#failure(this.#process)]);
    return port;
  }

  async stop(): Promise<void> {
    if (this.#process?.kill()) await once(this.#process, "exit");
  }

  /** The file with its process id is written when it listens. */
  async #listening(): Promise<void> {
    const changes = watch(this.#folder).unref();
    while (!existsSync(join(this.#folder, "pid")))
      await once(changes, "change");
    changes.close();
  }

  async #failure(nginx: ChildProcess): Promise<never> {
    const output = text(nginx.stderr!);
    await once(nginx, "exit");
    throw new Error(`nginx does not start: ${await output}`);
  }
}

describe("Behind nginx", () => {
  let folder: string;
  let nginx: Nginx;

  before(function () {
    if (hasNginx()) return;
    if (process.env["CI"]) throw new Error("nginx is missing: install it");
    this.skip(); // elsewhere it may be
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "eddy-nginx-"));
    nginx = new Nginx(folder);
  });
  afterEach(async () => {
    await nginx.stop();
    rmSync(folder, { recursive: true });
  });

  async function serve(
    trustProxy: string[],
    target: ListenOptions,
  ): Promise<TestServer> {
    const server = new TestServer({ trustProxy });
    server.loop.mount(({ remoteAddress, scheme, host }) =>
      json([remoteAddress, scheme, host]),
    );
    server.address = await server.loop.listen(target);
    return server;
  }

  const SPOOFED = [
    "X-Forwarded-For: 192.0.2.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "Forwarded: for=192.0.2.1;proto=https;host=evil.example",
  ];

  async function askTwice(port: number): Promise<void> {
    const client = await RawClient.connect(port);
    const seen = String.raw`\["127.0.0.1","http","test"\][^]*`;
    client.request("GET /", SPOOFED);
    await client.until(new RegExp(seen));
    client.request("GET /", SPOOFED);
    await client.until(new RegExp(seen + seen));
    client.abort();
  }

  it("an application sees who asked, and not who the client says it is", async () => {
    const server = await serve(["127.0.0.2"], { port: 0, host: "127.0.0.1" });
    const port = await nginx.start(
      `server 127.0.0.1:${server.port}`,
      "proxy_bind 127.0.0.2;", // so that the client, at 127.0.0.1, is a stranger
    );
    await askTwice(port);
    expect(server.loop.tally.ok).to.equal(2);
  });

  it("an application on a Unix socket sees it, too", async () => {
    const unix = join(folder, "eddy.sock");
    const server = await serve(["unix"], { unix });
    await askTwice(await nginx.start(`server unix:${unix}`, ""));
    expect(server.loop.tally.ok).to.equal(2);
  });
});
