/** The engine "node" and real programs that speak HTTP/1.0 to it: nginx as it is told in tutorials, ab, curl. */
import { spawn, execFile, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { expect } from "chai";
import { stream } from "../../lib/index.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { afterTest } from "../support/hooks.ts";
import { NGINX_MISSING, startNginx } from "../support/nginx.ts";
import { describeIf, outputOf, PROGRAM_ENV } from "../support/programs.ts";
import { serveWith, type TestServer } from "../support/server.ts";

const run = promisify(execFile);

const missing = (program: string, ...args: string[]): string | undefined =>
  outputOf(program, ...args) === undefined
    ? `${program} is not installed`
    : undefined;

const serve = (): Promise<TestServer> =>
  serveWith(
    (loop) =>
      loop
        .get("/", () => "hello")
        .get("/stream", () => stream(["a", "b"]))
        .post("/", (request) => request.text())
        .any("/", () => ""),
    {},
    { engine: "node" },
  );

/** A program that serves until it is told to end; a POST is told how many that process has had of the same. */
const PROGRAM = (port: number): string => `
  import { setTimeout } from "node:timers/promises";
  import { Loop } from ${JSON.stringify(new URL("../../lib/index.js", import.meta.url))};
  const loop = new Loop({ log: false });
  loop.get("/*", async () => {
    await setTimeout(2);
    return "got";
  });
  loop.post("/*", async (request) => {
    console.log("POST " + await request.text());
    return "posted";
  });
  console.log("starts");
  await loop.serve({ port: ${port}, host: "127.0.0.1", engine: "node" });`;

class Upstream {
  readonly port: number;
  /** The bodies of all POSTs that it has had. */
  readonly posts: string[] = [];
  #child!: ChildProcess;

  constructor(port: number) {
    this.port = port;
  }

  async start(): Promise<void> {
    const args = ["--input-type=module", "--eval", PROGRAM(this.port)];
    const stdio = ["ignore", "pipe", "inherit"] as const;
    this.#child = spawn(process.execPath, args, { stdio: [...stdio] });
    this.#child.stdout!.setEncoding("utf8").on("data", (lines: string) => {
      for (const [, body] of lines.matchAll(/POST (.*)/g))
        this.posts.push(body!);
    });
    await once(this.#child.stdout!, "data");
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
  }
}

/** The status, or why there is none. */
async function ask(port: number, method: string, body = ""): Promise<unknown> {
  try {
    const asked = request({ port, host: "127.0.0.1", method, path: "/" });
    const [response] = await once(asked.end(body), "response");
    await text(response);
    return response.statusCode;
  } catch (error) {
    return error;
  }
}

describeIf(
  NGINX_MISSING,
  "nginx without proxy_http_version, by least_conn",
  () => {
    const ROUNDS = 2;

    async function start(): Promise<[port: number, upstreams: Upstream[]]> {
      const upstreams: Upstream[] = [];
      for (let i = 0; i < 3; i++)
        upstreams.push(new Upstream(await freePort()));
      await Promise.all(upstreams.map((one) => one.start()));
      afterTest(() => Promise.all(upstreams.map((one) => one.end("SIGKILL"))));
      const servers = upstreams.map((one) => `server 127.0.0.1:${one.port};`);
      const port = await startNginx(
        (free) => `
        upstream local_upstream { least_conn; ${servers.join(" ")} }
        server {
          listen 127.0.0.1:${free};
          location / { proxy_pass http://local_upstream; }
        }`,
      );
      return [port, upstreams];
    }

    for (const signal of ["SIGKILL", "SIGTERM"] as const)
      it(`loses no GET, and sends no POST twice, while one of three servers ends by ${signal} and starts again`, async function () {
        this.timeout(30_000);
        const [port, upstreams] = await start();
        const load = new AbortController();
        const got: unknown[] = [];
        let sent = 0;
        const clients = Array.from({ length: 8 }, async (_, i) => {
          while (!load.signal.aborted)
            if (i === 0) await ask(port, "POST", `${++sent}`);
            else got.push(await ask(port, "GET"));
        });
        for (let round = 0; round < ROUNDS; round++) {
          await setTimeout(50); // under load
          await upstreams[0]!.end(signal);
          await upstreams[0]!.start();
        }
        load.abort();
        await Promise.all(clients);
        expect(new Set(got)).to.deep.equal(new Set([200]));
        const posts = upstreams.flatMap((one) => one.posts);
        expect(posts.length).to.be.greaterThan(0);
        expect(new Set(posts)).to.have.property("size", posts.length);
      });
  },
);

describeIf(missing("ab", "-V"), 'ab against the engine "node"', () => {
  for (const kept of [[], ["-k"]])
    it(`is answered by 1000 good replies ${kept.length ? "on kept connections" : "on as many connections"}`, async () => {
      const { url } = await serve();
      const args = ["-n", "1000", "-c", "10", ...kept, `${url}/`];
      const { stdout } = await run("ab", args);
      expect(stdout).to.match(/^Complete requests: +1000$/m);
      expect(stdout).to.match(/^Failed requests: +0$/m);
      expect(stdout).not.to.match(/Non-2xx/);
      if (kept.length) expect(stdout).to.match(/^Keep-Alive requests: +1000$/m);
    });
});

describeIf(
  missing("curl", "--version"),
  'curl --http1.0 against the engine "node"',
  () => {
    const curl = async (...args: string[]): Promise<string> =>
      (await run("curl", ["--silent", "--http1.0", ...args])).stdout;

    it("gets replies and streams", async () => {
      const { url } = await serve();
      expect(await curl(url)).to.equal("hello");
      expect(await curl(`${url}/stream`)).to.equal("ab");
    });

    it("sends bodies", async () => {
      const { url } = await serve();
      expect(await curl("--data", "body", url)).to.equal("body");
    });
  },
);

describeIf(
  missing("haproxy", "-v"),
  'HAProxy with "option httpchk" in front of the engine "node"',
  () => {
    it("finds the server up, by HTTP/1.0, and serves through it", async () => {
      const { port } = await serve();
      const [front, folder] = [await freePort(), folderWith({})];
      const [config, stats] = [join(folder, "conf"), join(folder, "stats")];
      writeFileSync(
        config,
        `global
  stats socket ${stats}
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend front
  bind 127.0.0.1:${front}
  default_backend back
backend back
  option httpchk
  server one 127.0.0.1:${port} check inter 20
`,
      );
      const haproxy = spawn("haproxy", ["-db", "-f", config], {
        env: PROGRAM_ENV,
        stdio: "ignore",
      });
      afterTest(async () => {
        if (haproxy.kill()) await once(haproxy, "exit");
      });
      while (!existsSync(stats)) await setTimeout(10);
      const state = async (): Promise<string> =>
        text(connect(stats).end("show stat\n"));
      while (!/^back,one,.*,L7OK,200,/m.test(await state()))
        await setTimeout(10);
      expect(await state()).to.match(/^back,one,.*,UP,/m);
      expect(await ask(front, "GET")).to.equal(200);
    });
  },
);
