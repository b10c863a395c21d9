/** Applications of Python that speak ASGI, over HTTP. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:http2";
import { json as toJson } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { run } from "effection";
import type { PythonOptions } from "../../adapters/python.ts";
import {
  Loop,
  PythonStartError,
  type ListenOptions,
  type LoopOptions,
} from "../../lib/index.ts";
import { useDesk } from "../support/desk.ts";
import { ENGINES } from "../support/engines.ts";
import { needsPython, pythonApp } from "../support/python.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { isRunning, PATIENCE_MS } from "../adapters/python/processes.ts";

describe("python() with an application of ASGI", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  const desk = useDesk();

  const asgi = (
    options: PythonOptions = {},
    ofLoop: LoopOptions = {},
    app = "asgi_bare:app",
    mount = "/",
    engine: ListenOptions = {},
  ): Promise<TestServer> =>
    serveWith(
      (loop) =>
        loop.mount(
          mount,
          pythonApp(app, { env: { DESK: desk.path }, ...options }),
        ),
      { accessLog: true, ...ofLoop },
      engine,
    );
  const text = async ({ url }: TestServer, path = "/"): Promise<string> =>
    await (await fetch(url + path)).text();
  const status = async ({ url }: TestServer, path: string): Promise<number> =>
    (await fetch(url + path)).status;
  const go = (): void => writeFileSync(join(desk.path, "go"), "");

  describe("gives it the scope", () => {
    it("of a request, below its mount", async () => {
      const { url } = await asgi({}, {}, undefined, "/caf%C3%A9");
      const response = await fetch(`${url}/caf%C3%A9/scope?a=%20`, {
        headers: { x_under: "1" },
      });
      const { headers, client, server, extensions, ...scope } = JSON.parse(
        await response.text(),
      );
      expect(scope).to.deep.equal({
        type: "http",
        asgi: { version: "3.0", spec_version: "2.4" },
        http_version: "1.1",
        scheme: "http",
        method: "GET",
        root_path: "/caf\u00e9",
        path: "/caf\u00e9/scope",
        raw_path: "b'/caf%C3%A9/scope'",
        query_string: "b'a=%20'",
        state: {},
      });
      expect(extensions).to.be.an("array");
      expect(client[0]).to.equal("127.0.0.1");
      const { hostname, port } = new URL(url);
      expect(server).to.deep.equal([hostname, Number(port)]);
      expect(headers).to.deep.include(["x_under", "1"]);
    });

    const EXTRAS = ["http.response.early_hint", "http.response.trailers"];
    for (const { name, options: engine } of ENGINES)
      it(`with extensions for what can be sent to its client, on ${name}`, async () => {
        const server = await asgi({}, {}, undefined, "/", engine);
        const offered = async (protocol: string): Promise<unknown> => {
          const client = await RawClient.connect(server.port);
          client.send(`GET /scope HTTP/${protocol}\r\nHost: a\r\n\r\n`);
          const [text] = await client.until(/\{[^]*\}$/);
          return JSON.parse(text).extensions;
        };
        expect(await offered("1.1")).to.deep.equal(
          name === "node" ? EXTRAS : [],
        );
        if (name === "node") expect(await offered("1.0")).to.deep.equal([]);
        expect(await offered("1.1")).to.deep.equal(
          name === "node" ? EXTRAS : [],
        );
      });

    it("with those extensions, by HTTP/2", async () => {
      const h2: ListenOptions = { engine: "node", http2: true };
      const server = await asgi({}, {}, undefined, "/", h2);
      const client = connect(server.url);
      const reply = client.request({ ":path": "/scope" });
      const { extensions } = (await toJson(reply)) as { extensions: unknown };
      client.close();
      expect(extensions).to.deep.equal(EXTRAS);
    });

    it("with eddy.deadline", async () => {
      const server = await asgi({}, { requestTimeoutMs: 60_000 });
      const before = Date.now() / 1000;
      const scope = JSON.parse(await text(server, "/scope"));
      expect(scope["eddy.deadline"]).to.be.within(before + 50, before + 70);
    });
  });

  it("is what it says it is where nobody can see, and the log says so", async () => {
    const interfaces: [string, PythonOptions, string][] = [
      ["asgi_bare:wsgi_or_asgi", { interface: "asgi" }, "Hello, World!"],
      ["asgi_bare:Asgi2", {}, "ASGI 2"],
      ["pep3333:hello", { interface: "wsgi" }, "Hello, World!\n"],
    ];
    for (const [app, options, answer] of interfaces) {
      const server = await asgi(options, {}, app);
      expect(await text(server), app).to.equal(answer);
      const name = app === "pep3333:hello" ? "WSGI" : "ASGI";
      await server.logged(({ msg }) => msg === `${app} speaks ${name}`);
    }
  });

  for (const loop of ["asyncio", "uvloop"] as const)
    it(`runs the event loop of ${loop} where that is asked for`, async function () {
      if (loop === "uvloop") needsPython(this, "uvloop");
      const module = await text(await asgi({ loop }), "/loop");
      expect(module.split(".")[0]).to.equal(loop);
    });

  describe("streams", () => {
    it("replies, piece by piece", async () => {
      const server = await asgi();
      const lines = Array.from({ length: 300 }, (_, i) => `${i}\n`).join("");
      expect(await text(server, "/count?300")).to.equal(lines);
    });

    it("bodies to it, whole", async () => {
      const { url } = await asgi({}, { maxBodyBytes: 20_000_000 });
      for (const size of [0, 10, 70_000, 8_000_000]) {
        const body = randomBytes(size);
        const response = await fetch(`${url}/digest`, { method: "POST", body });
        const sha = createHash("sha256").update(body).digest("hex");
        expect(await response.text()).to.equal(`${size} ${sha}`);
      }
    });

    it("no further than a window ahead of a client that does not take it", async () => {
      const server = await asgi();
      const client = await RawClient.connect(server.port);
      client.request("GET /flood");
      await client.until(/x/);
      client.socket.pause();
      let [before, now] = [NaN, 0];
      while (now !== before) {
        await setTimeout(200);
        [before, now] = [now, Number(await text(server, "/sent"))];
      }
      expect(now).to.be.lessThan(24 * 1024 * 1024); // the sockets' buffers have their share
      client.abort();
      expect(await desk.noted("flood")).to.equal("ended");
    });

    for (const { name, options: engine } of ENGINES)
      it(`no more of a body to it than it takes, and a window, on ${name}`, async () => {
        const most = { maxBodyBytes: 100_000_000 };
        const server = await asgi({}, most, undefined, "/", engine);
        const piece = Buffer.alloc(1_000_000);
        let pieces = 0;
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            if (++pieces > 64) controller.close();
            else controller.enqueue(piece);
          },
        });
        const init = { method: "POST", body, duplex: "half" } as RequestInit;
        const reply = fetch(`${server.url}/late-reader`, init);
        await desk.noted("begun");
        let before = NaN;
        while (pieces !== before) {
          before = pieces;
          await setTimeout(200);
        }
        go();
        const answer = await (await reply).text();
        const [first, all] = answer.split(" ").map(Number);
        expect(first).to.be.within(1, 1024 * 1024);
        expect(all).to.equal(64_000_000);
      });

    it("trailers and early hints, where the engine has them", async () => {
      const server = await asgi({}, { engine: "node" });
      const client = await RawClient.connect(server.port);
      client.request("GET /trailers");
      await client.until(/x-sum: 4\r\n/i);
      client.request("GET /hints");
      await client.until(/103 Early Hints[^]*style\.css[^]*hinted/);
    });
  });

  it("answers many at once, each in a context of its own", async () => {
    const server = await asgi();
    const asked = Array.from({ length: 500 }, (_, i) => `/which/${i}`);
    const answers = await Promise.all(asked.map((path) => text(server, path)));
    expect(answers).to.deep.equal(asked.map((path) => `nobody ${path}`));
  });

  for (const { name, options } of ENGINES)
    it(`answers the next request of a client that has all of a reply whose end is still to come, on ${name}`, async () => {
      const { port } = await asgi({}, {}, undefined, "/", options);
      const client = await RawClient.connect(port);
      await client.request("GET /whole").until(/\r\n\r\nwhole$/);
      await client.request("GET /next").until(/\r\n\r\nnobody \/next$/);
      go();
      expect(await desk.noted("whole")).to.equal("/whole");
    });

  it("has further requests wait for maxConcurrent, and then for maxQueuedRequests", async () => {
    const server = await asgi({ maxConcurrent: 1, maxQueuedRequests: 1 });
    server.expectLog(/maxQueuedRequests/);
    const first = text(server, "/head");
    while (server.loop.tally.accepted < 1) await setTimeout(5);
    const second = text(server);
    while (server.loop.tally.accepted < 2) await setTimeout(5);
    expect(await status(server, "/")).to.equal(503);
    go();
    expect(await Promise.all([first, second])).to.deep.equal([
      "then",
      "Hello, World!",
    ]);
  });

  describe("tells it that its client has left", () => {
    const leave = async (server: TestServer, path: string): Promise<void> => {
      const client = await RawClient.connect(server.port);
      client.request(`GET ${path}`);
      await desk.noted("begun");
      client.abort();
    };

    it("by http.disconnect", async () => {
      await leave(await asgi(), "/until-left");
      expect(await desk.noted("left")).to.equal("http.disconnect True");
    });

    it("and cancels its task after abortGraceMs", async () => {
      await leave(await asgi({ abortGraceMs: 10 }), "/deaf");
      expect(await desk.noted("left")).to.equal("cancelled");
    });

    it("and cancels its task at once where interrupt is asked for", async () => {
      await leave(await asgi({ interrupt: true }), "/deaf");
      expect(await desk.noted("left")).to.equal("cancelled");
    });
  });

  describe("when something is wrong", () => {
    it("answers 500, and logs the traceback with the request's id", async () => {
      const server = await asgi();
      server.expectLog(/./);
      for (const [path, problem] of [
        ["/raises", "ValueError: on purpose"],
        ["/exits", "SystemExit: 3"],
        ["/nothing", "the application has returned without a reply"],
        ["/bad", "a control character in the headers"],
      ] as const) {
        expect(await status(server, path), path).to.equal(500);
        const line = server.log.findLast(({ err }) => err !== undefined)!;
        expect(line.err!.message).to.include(problem);
        const access = server.accessLines.at(-1)!;
        expect(line["requestId"]).to.equal(access["requestId"]);
      }
      expect(await text(server)).to.equal("Hello, World!");
    });

    it("cuts a reply that has begun", async () => {
      const server = await asgi();
      server.expectLog(/on purpose/);
      const client = await RawClient.connect(server.port);
      client.request("GET /raises-late");
      const received = await client.untilClosed();
      expect(received).to.include("begun").and.not.include("\r\n0\r\n\r\n");
    });

    it("logs what fails behind a reply with its request's id, and waits for that when its process is replaced", async () => {
      const server = await asgi({ maxRequests: 1 });
      server.expectLog(/behind the reply/);
      const old = await text(server, "/behind");
      while ((await text(server, "/pid")) === old) await setTimeout(5);
      go();
      expect(await desk.noted("behind")).to.equal("done");
      const line = await server.logged(({ msg = "" }) =>
        msg.includes("behind the reply"),
      );
      const access = server.accessLines.find(({ path }) => path === "/behind")!;
      expect(line["requestId"]).to.equal(access["requestId"]);
    });

    it("answers 502 for what a process has begun that dies", async () => {
      const server = await asgi({ processes: 2 });
      server.expectLog(/has ended \(SIGKILL\)/);
      const waiting = Array.from({ length: 10 }, () => status(server, "/head"));
      while (server.loop.tally.accepted < 10) await setTimeout(5);
      expect(await status(server, "/kill")).to.equal(502);
      go();
      const answers = await Promise.all(waiting);
      expect(answers.filter((code) => code === 502)).to.have.length(5);
      expect(answers.filter((code) => code === 200)).to.have.length(5);
      expect(await text(server)).to.equal("Hello, World!");
    });

    it("after harakiriMs cancels the request, says where it waits, and serves on", async () => {
      const server = await asgi({ harakiriMs: 200 });
      server.expectLog(/harakiriMs|in inner/);
      const pid = await text(server, "/pid");
      expect(await status(server, "/hangs")).to.equal(503);
      const line = await server.logged(({ msg = "" }) => /in inner/.test(msg));
      expect(line.msg).to.match(/asgi_bare\.py", line \d+, in inner/);
      const access = server.accessLines.at(-1)!;
      expect(line["requestId"]).to.equal(access["requestId"]);
      expect(await text(server, "/pid")).to.equal(pid);
    });

    it("replaces a process whose event loop stands still after harakiriMs, and says where", async () => {
      const server = await asgi({ harakiriMs: 200 });
      server.expectLog(/./);
      const pid = await text(server, "/pid");
      expect(await status(server, "/blocks")).to.equal(503);
      await server.logged(({ msg = "" }) => msg.endsWith("in blocks"));
      expect(await text(server, "/pid")).to.not.equal(pid);
    });

    it("names a call that blocks the event loop", async () => {
      const server = await asgi();
      server.expectLog(/./);
      const asked = text(server, "/blocks?2.5");
      const line = await server.logged(({ msg = "" }) =>
        msg.includes("has stood still"),
      );
      expect(line.msg).to.include("GET /blocks blocks here");
      expect(line.level).to.equal(50);
      expect(await asked).to.equal("done");
      const stack = server.log.map(({ msg = "" }) => msg).join("\n");
      expect(stack).to.match(/asgi_bare\.py", line \d+, in blocks/);
    });

    for (const [path, answer] of [
      ["/forks", "1"],
      ["/forks-exits", "7"],
      ["/forks-thread", "1"],
    ] as const)
      it(`has no child of it answer or go on in its place: ${path}`, async () => {
        const server = await asgi();
        server.expectLog(/the child \d+|for the parent of this process/);
        expect(await text(server, path)).to.equal(answer);
        expect(await text(server)).to.equal("Hello, World!");
        expect(existsSync(join(desk.path, "child"))).to.equal(false);
      });
  });

  describe("runs its lifespan", () => {
    for (const lazyApps of [true, false])
      it(`around all requests, which have its state, with lazyApps: ${lazyApps}`, async () => {
        const server = await asgi({ lazyApps }, {}, "asgi_bare:with_lifespan");
        const scope = JSON.parse(await text(server));
        expect(scope.state).to.deep.equal({ pool: "ten connections" });
        expect(await desk.noted("lifespan")).to.equal("lifespan.startup");
        await server.loop.close();
        expect(await desk.noted("lifespan")).to.equal(
          "lifespan.startup\nlifespan.shutdown\nclosed",
        );
      });

    for (const [how, message] of [
      ["fails", /there is no database$/],
      ["raises", /in __call__\n.*\nValueError: on purpose$/],
    ] as const)
      it(`and does not start when that ${how}`, async () => {
        const env = { DESK: desk.path, LIFESPAN: how };
        const app = pythonApp("asgi_bare:with_lifespan", { env });
        const failure = await new Loop({ log: false })
          .mount(app)
          .listen(0)
          .then(
            () => undefined,
            (error: unknown) => error,
          );
        expect(failure).to.be.instanceOf(PythonStartError);
        expect((failure as Error).message).to.match(message);
      });
  });

  it("is loaded anew by reload(), which leaves what has begun to end", async () => {
    const app = pythonApp("asgi_bare:app", { env: { DESK: desk.path } });
    const server = await serveWith((loop) => loop.mount(app));
    const [old, begun] = [await text(server, "/pid"), text(server, "/head")];
    while (server.loop.tally.accepted < 2) await setTimeout(5);
    await run(() => app.reload());
    expect(await text(server, "/pid")).to.not.equal(old);
    expect(isRunning(Number(old))).to.equal(true);
    go();
    expect(await begun).to.equal("then");
    while (isRunning(Number(old))) await setTimeout(5);
  });

  it("is replaced after maxRequests, and no request is lost", async () => {
    const server = await asgi({ maxRequests: 20, lazyApps: false });
    const pids = new Set<string>();
    for (let i = 0; i < 60; i++) pids.add(await text(server, "/pid"));
    for (const pid of pids) expect(pid).to.match(/^\d+$/);
    while (pids.size < 3) pids.add(await text(server, "/pid"));
  });
});
