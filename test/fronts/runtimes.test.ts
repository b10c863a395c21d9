/**
 * Bun and Deno, which are no Node.js but have what the engine "node" is made of. What is said of them in
 * docs/engines.md.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { CERTIFICATE } from "../support/certificate.ts";
import { MAIN } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { describeIf, missing, outputOf } from "../support/programs.ts";
import { RawClient } from "../support/raw-client.ts";
import { ROOT } from "../support/root.ts";
import { startServer } from "../support/server-process.ts";

/** How each runs a file. */
const RUNTIMES: Record<string, readonly string[]> = {
  bun: [],
  deno: ["run", "--allow-all", "--node-modules-dir=manual"],
};

const APP = `
  import { json, Loop, stream } from "eddy";
  import { sleep, suspend } from "eddy/operations";

  const [port, securePort, key, cert] = process.argv.slice(-4);
  const loop = new Loop({ engine: "node", log: false });
  let halted = 0;
  loop.get("/", () => "function");
  loop.get("/async", async () => "async");
  loop.get("/operation", function* () {
    yield* sleep(1);
    return "operation";
  });
  loop.get("/stream", () =>
    stream(function* (out) {
      for (const piece of ["a", "b", "c"]) {
        yield* out.write(piece);
        yield* sleep(1);
      }
    }),
  );
  loop.get("/large", () => stream(function* (out) {
    for (let i = 0; i < 320; i++) yield* out.write(Buffer.alloc(65_536, "x"));
  }));
  loop.post("/text", (request) => request.text());
  loop.post("/form", async (request) => json([...(await request.form())]));
  loop.put("/count", async (request) => {
    let bytes = 0;
    for await (const chunk of request.body) bytes += chunk.length;
    return String(bytes);
  }, { maxBodyBytes: Infinity });
  loop.get("/waits", function* () {
    try {
      yield* suspend();
    } finally {
      halted++;
    }
  });
  loop.get("/halted", () => String(halted));
  loop.get("/slow", function* () {
    yield* sleep(300);
    return "slow";
  });
  await loop.listen({
    port: Number(securePort), host: "127.0.0.1", http2: true, tls: { key, cert },
  });
  await loop.serve({ port: Number(port), host: "127.0.0.1" });`;

for (const [runtime, flags] of Object.entries(RUNTIMES))
  describeIf(missing(runtime), `On ${runtime}, the engine "node"`, () => {
    let url: string;
    let port: number;
    let securePort: number;
    let server: ChildProcess;

    beforeEach(async () => {
      port = await freePort();
      securePort = await freePort();
      url = `http://127.0.0.1:${port}`;
      const file = join(folderWith({ "app.mjs": APP }), "app.mjs");
      const { key, cert } = CERTIFICATE;
      const args = [...flags, file, `${port}`, `${securePort}`, key, cert];
      server = await startServer(port, runtime, args);
    });

    const get = async (path: string): Promise<string> =>
      await (await fetch(url + path)).text();

    const send = async (
      method: string,
      path: string,
      body: BodyInit,
    ): Promise<string> =>
      await (await fetch(url + path, { method, body })).text();

    it("runs handlers of each kind, and streams", async () => {
      expect(await get("/")).to.equal("function");
      expect(await get("/async")).to.equal("async");
      expect(await get("/operation")).to.equal("operation");
      expect(await get("/stream")).to.equal("abc");
      expect(await get("/large")).to.have.length(320 * 65_536);
    });

    it("takes bodies: text, a form, a stream", async () => {
      expect(await send("POST", "/text", "body")).to.equal("body");
      const form = new URLSearchParams({ name: "value" });
      expect(await send("POST", "/form", form)).to.equal('[["name","value"]]');
      const large = Buffer.alloc(20_000_000);
      expect(await send("PUT", "/count", large)).to.equal("20000000");
    });

    it("serves HTTP/1.0, and pipelined requests", async () => {
      const old = await RawClient.connect(port);
      expect(await old.send("GET / HTTP/1.0\r\n\r\n").untilClosed()).to.match(
        /^HTTP\/1.1 200 [^]*\r\n\r\nfunction$/,
      );
      const client = await RawClient.connect(port);
      for (const path of ["/operation", "/"]) client.request(`GET ${path}`);
      await client.until(/\r\n\r\noperation[^]*\r\n\r\nfunction/);
      client.abort();
    });

    it("serves HTTP/2 by TLS", async () => {
      const shown = ["--write-out", " %{http_version}"];
      const curl = ["--silent", "--insecure", "--http2", ...shown];
      const secure = `https://127.0.0.1:${securePort}/stream`;
      expect(outputOf("curl", ...curl, secure)).to.equal("abc 2");
    });

    it("halts the request of a client that resets its connection", async () => {
      const client = await RawClient.connect(port);
      client.request("GET /waits");
      await setTimeout(100); // the handler says nothing
      client.socket.resetAndDestroy();
      while ((await get("/halted")) !== "1") await setTimeout(10);
    });

    it("drains at SIGTERM", async () => {
      const slow = get("/slow");
      await setTimeout(100);
      server.kill("SIGTERM");
      expect(await slow).to.equal("slow");
      await once(server, "exit");
      expect(server.exitCode).to.equal(0);
    });
  });

for (const [runtime, flags] of Object.entries(RUNTIMES))
  describeIf(missing(runtime), `On ${runtime}`, () => {
    it("samples/hello.ts runs", async () => {
      const port = await freePort();
      const hello = join(ROOT, "samples/hello.ts");
      const args = [...flags, hello];
      await startServer(port, runtime, args, { env: { PORT: `${port}` } });
      const response = await fetch(`http://127.0.0.1:${port}`);
      expect(await response.text()).to.equal("Hello, World!\n");
    });

    it("the command says that it needs Node.js", async () => {
      const command = spawn(runtime, [...flags, MAIN, "app.ts"], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      expect(await text(command.stderr)).to.match(/^eddy: .* needs Node.js/);
    });
  });
