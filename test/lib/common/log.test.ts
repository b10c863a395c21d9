import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { existsSync, openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setImmediate as tick } from "node:timers/promises";
import { expect } from "chai";
import { until } from "effection";
import { pino, type Logger } from "pino";
import { HttpError, Loop, stream } from "../../../lib/index.ts";
import { createLog, loggerBehind } from "../../../lib/common/log.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, USUAL_ENGINE } from "../../support/server.ts";

describe("The access log", () => {
  it("is off by default", async () => {
    const server = await serveWith((loop) => loop.mount(async () => "x"));
    await (await fetch(server.url)).text();
    await server.end();
    expect(server.accessLines).to.deep.equal([]);
  });

  it("has the fields of the exchange", async () => {
    let id!: string;
    const server = await serveWith(
      (loop) =>
        loop.mount("/app", async (request) => {
          ({ id } = request);
          return "née";
        }),
      { accessLog: true },
    );
    await (await fetch(`${server.url}/app/x?y`, { method: "PUT" })).text();
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line).to.deep.include({
      level: 30,
      method: "PUT",
      path: "/app/x",
      status: 200,
      bytes: 4,
      outcome: "ok",
      remoteAddress: "127.0.0.1",
      requestId: id,
    });
    expect(line.durationMs).to.be.a("number").that.is.greaterThan(0);
  });

  it("has the address of a client that is gone", async () => {
    const server = await serveWith(
      (loop) => loop.mount(() => new Promise(() => {})),
      { accessLog: true },
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await new Promise((resolve) => setTimeout(resolve, 10));
    client.abort();
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line).to.include({
      outcome: "abort",
      remoteAddress: "127.0.0.1",
      bytes: 0,
    });
    expect(line).not.to.have.property("status");
  });

  it("has the address of each client, whoever else is connected", async function () {
    if (process.platform !== "linux") return this.skip(); // elsewhere 127.0.0.1 is alone
    const server = await serveWith((loop) => loop.mount(() => "x"), {
      accessLog: true,
    });
    const clients = new Map<string, Socket>();
    const ask = async (address: string): Promise<void> => {
      if (!clients.has(address))
        clients.set(
          address,
          connect({ port: server.port, localAddress: address }),
        );
      const client = clients.get(address)!;
      client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(client, "data");
    };
    const leave = async (address: string): Promise<void> => {
      clients.get(address)!.end();
      await once(clients.get(address)!, "close");
      clients.delete(address);
    };
    await ask("127.0.0.2");
    await ask("127.0.0.3");
    await ask("127.0.0.2");
    await leave("127.0.0.2");
    await ask("127.0.0.3");
    await leave("127.0.0.3");
    await ask("127.0.0.4");
    await leave("127.0.0.4");
    expect(
      server.accessLines.map(({ remoteAddress }) =>
        String(remoteAddress).at(-1),
      ),
    ).to.deep.equal(["2", "3", "2", "3", "4"]);
  });

  it("may be a function that fails: the log says so, and every exchange ends", async () => {
    const server = await serveWith(
      (loop) => {
        loop.get("/function", () => "x");
        loop.get("/async", async () => {
          await tick();
          return "x";
        });
        loop.get("/operation", function* () {
          yield* until(tick());
          return "x";
        });
        loop.get("/stream", () => stream(["x"]));
        loop.get("/failure", async () => {
          await tick();
          throw new HttpError(400, "x");
        });
      },
      {
        accessLog: () => {
          throw new Error("no room");
        },
      },
    );
    server.expectLog(/access log.* no room/);
    const paths = ["/function", "/async", "/operation", "/stream", "/failure"];
    for (const path of paths) {
      const reply = await fetch(server.url + path);
      expect((await reply.text()).trim(), path).to.equal("x");
    }
    const { halted } = await server.loop.close();
    expect(halted).to.deep.equal([]);
    expect(server.log.filter(({ level }) => level === 50)).to.have.length(
      paths.length,
    );
  });

  it("may be an async function that fails", async () => {
    const server = await serveWith((loop) => loop.mount(() => "x"), {
      accessLog: async () => {
        await tick();
        throw new Error("no room");
      },
    });
    server.expectLog(/access log.* no room/);
    await (await fetch(server.url)).text();
    await server.logged(({ level }) => level === 50);
  });

  it("goes where the logger goes, in its own way", async () => {
    const lines: string[] = [];
    const to = { write: (line: string) => void lines.push(line) };
    const secret = { paths: ["path"], censor: "[hidden]" };
    let level: Logger | undefined;
    const loggers: [Logger, Record<string, unknown>][] = [
      [pino({}, to).child({ part: "shop" }), { part: "shop" }],
      [pino({ base: null, timestamp: false }, to), {}],
      [pino({ mixin: () => ({ trace: 7 }) }, to), { trace: 7 }],
      [pino({ messageKey: "text" }, to), { text: "request" }],
      [pino({ msgPrefix: "eddy: " }, to), { msg: "eddy: request" }],
      [pino({ redact: secret }, to), { path: "[hidden]" }],
      [pino({ serializers: { status: String } }, to), { status: "200" }],
      [
        pino({ formatters: { level: (name) => ({ name }) } }, to),
        { name: "info" },
      ],
      [
        pino({ formatters: { log: (of) => ({ ...of, bytes: 0 }) } }, to),
        { bytes: 0 },
      ],
      [(level = pino({ level: "warn" }, to)), { level: 30 }],
    ];
    for (const [log, expected] of loggers) {
      const loop = new Loop({ log, accessLog: true }).mount(() => "x");
      const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
      await (await fetch(`${url}/a"b`)).text();
      if (log === level) {
        level.level = "info"; // at any time
        await (await fetch(`${url}/a"b`)).text();
      }
      await loop.close();
      const requests = lines
        .splice(0)
        .filter((line) => line.includes("outcome"));
      expect(requests, JSON.stringify(expected)).to.have.length(1);
      expect(JSON.parse(requests[0]!)).to.include({
        method: "GET",
        path: "/a%22b",
        remoteAddress: "127.0.0.1",
        ...expected,
      });
    }
  });

  for (const end of [
    "await loop.close();",
    "process.exit();",
    'process.kill(process.pid, "SIGTERM");',
    'setImmediate(() => { throw new Error("uncaught"); });',
  ])
    it(`has all its lines when the program ends by ${end}`, async () => {
      const index = new URL("../../../lib/index.js", import.meta.url);
      const program = `
        import { Loop } from ${JSON.stringify(index)};
        const loop = new Loop({ accessLog: true }).mount(() => "served");
        const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
        void loop.serve({ port: 0, host: "127.0.0.1" });
        for (let i = 0; i < 100; i++) await (await fetch(url + "/" + i)).text();
        ${end}
      `;
      const child = spawn(
        process.execPath,
        ["--input-type=module", "-e", program],
        {
          stdio: ["ignore", "pipe", "ignore"],
        },
      );
      const lines = (await text(child.stdout)).match(/"path":"\/\d+"/g);
      expect(lines).to.have.length(100);
    });

  /** The line that a loop with `accessLog: "combined"` writes, wherever its logger does. */
  const combinedLine = async (
    ask: (port: number) => Promise<unknown>,
    through = (stream: { write(line: string): void }) => pino({}, stream),
  ): Promise<string> => {
    let written!: (line: string) => void;
    const line = new Promise<string>((resolve) => (written = resolve));
    const isAccess = (text: string): boolean => text.includes(" HTTP/1.1");
    const log = through({ write: (text) => isAccess(text) && written(text) });
    const loop = new Loop({ accessLog: "combined", log });
    loop.mount(() => "hello");
    const { port } = await loop.listen({ port: 0, host: "127.0.0.1" });
    try {
      await ask(port!);
      return await line;
    } finally {
      await loop.stop();
    }
  };

  const askPlainly = async (port: number): Promise<void> => {
    await fetch(`http://127.0.0.1:${port}/a?b=c`, {
      headers: { "user-agent": "test/1", referer: "http://here/" },
    });
  };

  for (const [where, through] of [
    ["a stream", undefined],
    [
      "several streams",
      (stream: { write(line: string): void }) =>
        pino({}, pino.multistream([{ stream }])),
    ],
  ] as const)
    it(`is text in Apache's combined format, to ${where}`, async () => {
      expect(await combinedLine(askPlainly, through)).to.match(
        /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b=c HTTP\/1\.1" 200 5 "http:\/\/here\/" "test\/1"\n$/,
      );
    });

  it("lets no client end a field of the combined format", async () => {
    let client!: RawClient;
    const line = await combinedLine(async (port) => {
      client = await RawClient.connect(port);
      client.request("GET /", ['User-Agent: a" 200 0 "b\\\t']);
    });
    expect(line).to.match(
      /"GET \/ HTTP\/1\.1" 200 5 "-" "a\\" 200 0 \\"b\\\\(\\x09)?"\n$/,
    );
    client.abort();
  });
});

describe("The log", () => {
  it("is silent when it is false, and the given one otherwise", () => {
    const own = pino({ level: "silent" });
    expect(loggerBehind(createLog(own))).to.equal(own);
    expect(createLog(false).level).to.equal("silent");
  });

  it("goes to standard output by default, as JSON", async () => {
    const index = new URL("../../../lib/index.js", import.meta.url);
    const program = `
      import { Loop } from ${JSON.stringify(index)};
      const loop = new Loop({ engine: "${USUAL_ENGINE}" }).mount(() => "");
      await loop.listen({ port: 0, host: "127.0.0.1" });
      await loop.close();
    `;
    const child = spawn(process.execPath, [
      "--input-type=module",
      "-e",
      program,
    ]);
    const lines = (await text(child.stdout)).trim().split("\n");
    expect(
      lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ).to.deep.equal([
      `listening on ${(JSON.parse(lines[0]!) as { address: { url: string } }).address.url}`,
      "stopped",
    ]);
  });

  it("does without its lines while there is no room for them, and says so where somebody may see it", async function () {
    if (!existsSync(FULL)) return this.skip();
    const index = new URL("../../../lib/index.js", import.meta.url);
    const program = `
      import { Loop } from ${JSON.stringify(index)};
      const loop = new Loop({ accessLog: true }).mount(async () => "served");
      const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
      for (let i = 0; i < 3; i++) console.error(await (await fetch(url)).text());
      await loop.close();
    `;
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", program],
      {
        stdio: ["ignore", openSync(FULL, "w"), "pipe"],
        timeout: 10_000,
        killSignal: "SIGKILL",
      },
    );
    const ended = once(child, "exit");
    const said = await text(child.stderr!);
    expect(await ended).to.deep.equal([0, null]);
    expect(said.match(/^served$/gm)).to.have.length(3);
    expect(
      said.match(/the log on standard output cannot be written: ENOSPC/g),
    ).to.have.length(1);
  });
});

/** A file on a full disk. */
const FULL = "/dev/full";
