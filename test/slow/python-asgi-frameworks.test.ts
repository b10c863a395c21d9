/** Starlette, FastAPI, Django, Quart and WsgiToAsgi, as Debian has them: what they answer here and below Uvicorn. */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { expect } from "chai";
import { afterTest } from "../support/hooks.ts";
import { APPS, missingModules, PYTHON, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/web-socket.ts";

/** They take a while to be imported, on a machine that may be busy. */
const PATIENCE_MS = 60_000;

const MiB = 1024 * 1024;

type Ask = readonly [path: string, init?: () => RequestInit];

const upload = (): RequestInit => {
  const body = new FormData();
  body.set("file", new Blob([Buffer.alloc(300_000, "f")]), "caf\u00e9.bin");
  return { method: "POST", body };
};
const json = (text: string) => (): RequestInit => ({
  method: "POST",
  body: text,
  headers: { "content-type": "application/json" },
});

const FRAMEWORKS: Record<string, readonly Ask[]> = {
  starlette: [
    ["/"],
    ["/upload", upload],
    ["/thread"],
    ["/stream"],
    ["/none"],
    ["/", () => ({ method: "HEAD" })],
  ],
  fastapi: [
    ["/"],
    ["/item"],
    ["/item", json('{"name": "tea", "price": 2}')],
    ["/item", json('{"name": "tea"}')],
    ["/openapi.json"],
  ],
  django: [["/"], ["/upload", upload], ["/stream"], ["/none"]],
  quart: [["/"], ["/upload", upload], ["/stream"], ["/none"]],
  wsgi_to_asgi: [["/"], ["/", json("x".repeat(1000))]],
};

const MODULES: Record<string, string> = { wsgi_to_asgi: "asgiref" };

for (const [name, asks] of Object.entries(FRAMEWORKS))
  describe(`An ASGI application of ${name}`, function () {
    this.timeout(PATIENCE_MS);

    before(function () {
      const module = MODULES[name] ?? name;
      const missing = missingModules(module, "uvicorn");
      if (missing === undefined) return;
      console.log(`    skipped: ${missing} (Debian: python3-${module})`);
      this.skip();
    });

    const serve = async (): Promise<TestServer> => {
      const app = pythonApp(`asgi_frameworks:${name}()`);
      const limits = { maxBodyBytes: 300 * MiB };
      const server = await serveWith((loop) => loop.mount(app), limits);
      return server.expectLog(/^Not Found: \/none/);
    };

    it("answers as it does below Uvicorn", async () => {
      const [{ url }, uvicorn] = await Promise.all([
        serve(),
        startUvicorn(name),
      ]);
      for (const [path, init] of asks) {
        const answers = [url, uvicorn].map(async (origin) => {
          const asked = new Request(origin + path, init?.());
          if (origin === uvicorn) asked.headers.set("connection", "close");
          const response = await fetch(asked);
          return {
            status: response.status,
            type: response.headers.get("content-type"),
            body: await response.text(),
          };
        });
        const [ours, theirs] = await Promise.all(answers);
        expect(ours, path).to.deep.equal(theirs);
      }
    });

    if (["starlette", "fastapi", "quart"].includes(name))
      it("has WebSockets", async () => {
        const { port } = await serve();
        const client = await SocketClient.open(port, "/socket v1");
        client.send("hello");
        expect(await client.messages(1)).to.deep.equal(["HELLO"]);
        expect(client.ws.protocol).to.equal("v1");
        client.ws.close(1000);
      });

    if (name === "starlette") {
      it("takes an upload of 200 MB as it comes", async () => {
        const { url } = await serve();
        const [piece, sum] = [randomBytes(MiB), createHash("sha256")];
        for (let i = 0; i < 200; i++) sum.update(piece);
        let pieces = 0;
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            controller.enqueue(piece);
            if (++pieces === 200) controller.close();
          },
        });
        const init = { method: "POST", body, duplex: "half" } as RequestInit;
        const response = await fetch(`${url}/big`, init);
        expect(await response.json()).to.deep.equal({
          length: 200 * MiB,
          sha256: sum.digest("hex"),
        });
      });

      it("runs tasks behind replies", async () => {
        const { url } = await serve();
        const ask = async (): Promise<string> =>
          await (await fetch(`${url}/background`)).text();
        expect(await ask()).to.equal("");
        while ((await ask()) === "");
      });
    }

    if (name === "django")
      it("has its own 500 for what fails", async () => {
        const server = await serve();
        server.expectLog(/./);
        expect((await fetch(`${server.url}/fails`)).status).to.equal(500);
      });
  });

/**
 * Gives its origin. Each request to it has to have a connection of its own: one that comes while the end of the reply
 * before it is still to be sent, Uvicorn begins in that reply's context, and there asgiref runs nothing (500).
 */
async function startUvicorn(name: string): Promise<string> {
  const child = spawn(
    PYTHON,
    ["-m", "uvicorn", `asgi_frameworks:${name}`, "--factory", "--port", "0"],
    { cwd: APPS, stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = once(child, "exit");
  afterTest(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr.on("data", (data) => {
      text += String(data);
      const found = /running on (http:\/\/[\d.:]+)/.exec(text);
      if (found) resolve(found[1]!);
    });
    child.on("exit", () =>
      reject(new Error(`Uvicorn does not start: ${text}`)),
    );
  });
}
