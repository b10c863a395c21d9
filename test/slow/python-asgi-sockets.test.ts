/** WebSockets of applications of Python that speak ASGI. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import type { PythonOptions } from "../../adapters/python.ts";
import type { LoopOptions } from "../../lib/index.ts";
import { useDesk } from "../support/desk.ts";
import { ENGINES } from "../support/engines.ts";
import { needsPython, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/web-socket.ts";

/** Processes have to start, on a machine that may be busy. */
const PATIENCE_MS = 30_000;

describe("python() with WebSockets of ASGI", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  const desk = useDesk();

  const asgi = (
    options: PythonOptions = {},
    ofLoop: LoopOptions = {},
  ): Promise<TestServer> => {
    const app = pythonApp("asgi_bare:app", {
      env: { DESK: desk.path },
      ...options,
    });
    return serveWith((loop) => loop.mount(app), { accessLog: true, ...ofLoop });
  };
  const linesOf = (name: string): string[] => {
    const file = join(desk.path, name);
    return existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  };
  const noted = async (name: string): Promise<string> => {
    while (linesOf(name).length < 2) await setTimeout(5);
    return linesOf(name)[0]!;
  };
  /** How many lines when there are no more. */
  const settled = async (name: string): Promise<number> => {
    let [before, now] = [NaN, 0];
    while (now !== before) {
      await setTimeout(200);
      [before, now] = [now, linesOf(name).length];
    }
    return now;
  };

  const refusal = (
    { port }: TestServer,
    path: string,
  ): Promise<number | undefined> => {
    const client = new SocketClient(port, path);
    return new Promise((resolve) =>
      client.ws.on("unexpected-response", (_, { statusCode }) =>
        resolve(statusCode),
      ),
    );
  };

  it("carries text and bytes both ways, and says what was agreed upon", async () => {
    const server = await asgi();
    const client = new SocketClient(server.port, "/chat v1 v2");
    const fields = new Promise<Record<string, unknown>>((resolve) =>
      client.ws.on("upgrade", ({ headers }) => resolve(headers)),
    );
    expect((await fields)["x-path"]).to.equal("/chat");
    expect(client.ws.protocol).to.equal("v2");
    const bytes = Buffer.alloc(1_000_000, "b");
    client.send("h\u00e9llo");
    client.send(bytes);
    client.send("");
    const [text, data, empty] = await client.messages(3);
    expect([text, empty]).to.deep.equal(["h\u00e9llo", ""]);
    expect(bytes.equals(data as Buffer)).to.equal(true);
  });

  it("tells the application how the client has closed", async () => {
    const server = await asgi();
    const client = await SocketClient.open(server.port, "/");
    client.ws.close(4001, "enough");
    expect(await noted("closed")).to.equal("4001 enough");
  });

  it("logs no failure of an application that goes on sending to a client that has left", async () => {
    const server = await asgi();
    const client = await SocketClient.open(server.port, "/talk");
    await client.messages(1);
    client.ws.close(1000);
    expect(await noted("raised")).to.equal("ClientGone");
    await server.loop.close(); // behind which the log is looked at
  });

  it("leaves no timer behind where a process was killed with a connection", async () => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === "Timeout")
        .length;
    await new Promise(setImmediate); // mocha has set its own when it has the promise
    const before = timers();
    const server = await asgi();
    server.expectLog(/./);
    const client = await SocketClient.open(server.port, "/");
    client.send("pid");
    const [pid] = await client.messages(1);
    process.kill(Number(pid), "SIGKILL");
    await client.closed;
    await server.loop.close();
    while (timers() > before) await new Promise(setImmediate);
  });

  it("tells the client how the application has closed", async () => {
    const server = await asgi();
    const client = await SocketClient.open(server.port, "/");
    client.send("close");
    expect(await client.closed).to.deep.equal([4321, "as you wish"]);
  });

  for (const [path, code] of [
    ["/refuse", 403],
    ["/deny", 401],
  ] as const)
    it(`can be refused: ${path}`, async () => {
      expect(await refusal(await asgi(), path)).to.equal(code);
    });

  for (const [path, message] of [
    ["/raise", "ValueError: on purpose"],
    ["/exit", "SystemExit: 3"],
  ] as const)
    it(`closes with 1011 when the application fails, and logs why: ${path}`, async () => {
      const server = await asgi();
      server.expectLog(/application of a WebSocket failed/);
      const client = new SocketClient(server.port, path);
      expect((await client.closed)[0]).to.equal(1011);
      const line = server.log.find(({ err }) => err !== undefined)!;
      expect(line.err!.message).to.equal(message);
      expect((await fetch(server.url)).status).to.equal(200);
    });

  it("answers a handshake 503 after harakiriMs, and says where the application waits", async () => {
    const server = await asgi({ harakiriMs: 200 });
    server.expectLog(/harakiriMs|in inner/);
    expect(await refusal(server, "/mute")).to.equal(503);
    await server.logged(({ msg = "" }) => /in inner\n/.test(msg));
    expect((await fetch(server.url)).status).to.equal(200);
  });

  it("has the application wait for a client that is slow", async () => {
    const server = await asgi();
    const client = await SocketClient.open(server.port, "/burst?2000");
    client.ws.pause();
    expect(await settled("sent")).to.be.lessThan(1000);
    client.ws.resume();
    expect(await client.messages(2000)).to.have.length(2000);
    expect((await client.closed)[0]).to.equal(1000);
  });

  for (const { name, options } of ENGINES)
    it(`has the client wait for an application that is slow, on ${name}`, async () => {
      const server = await asgi({}, options);
      const client = await SocketClient.open(server.port, "/slow");
      const message = Buffer.alloc(65_536);
      for (let i = 0; i < 1000; i++) client.send(message);
      await settled("messages");
      // an engine may have read all that the systems of both sides hold
      expect(server.loop.socketCounts.received).to.be.lessThan(1000);
      writeFileSync(join(desk.path, "go"), "");
      expect(await client.messages(1000)).to.have.length(1000);
    });

  it("closes with 1012 when its process is replaced, and the next one serves", async () => {
    const server = await asgi({ maxRequests: 2 });
    const client = await SocketClient.open(server.port, "/");
    client.send("pid");
    const [old] = await client.messages(1);
    await (await fetch(server.url)).text();
    expect((await client.closed)[0]).to.equal(1012);
    const next = await SocketClient.open(server.port, "/");
    next.send("pid");
    expect((await next.messages(1))[0]).to.not.equal(old);
  });

  it("closes with 1001 at the end of the loop, and tells the application", async () => {
    const server = await asgi();
    const client = await SocketClient.open(server.port, "/");
    await server.loop.close();
    expect((await client.closed)[0]).to.equal(1001);
    expect(await noted("closed")).to.match(/^1001/);
  });

  it("closes with 1011 when its process dies", async () => {
    const server = await asgi();
    server.expectLog(/has ended|application of a WebSocket failed/);
    const client = await SocketClient.open(server.port, "/");
    expect((await fetch(`${server.url}/kill`)).status).to.equal(502);
    expect((await client.closed)[0]).to.equal(1011);
  });
});
