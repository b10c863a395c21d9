/** Starlette, FastAPI, Django, Quart and WsgiToAsgi, as Debian has them: what they answer here and below Uvicorn. */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { PythonOptions } from "../../adapters/python.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { APPS, missingModules, PYTHON, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/web-socket.ts";

/** They take a while to be imported, on a machine that may be busy. */
const PATIENCE_MS = 60_000;

const MiB = 1024 * 1024;
const LIMITS = { maxBodyBytes: 300 * MiB };

interface Ask {
  readonly path: string;
  readonly what: string;
  readonly init?: () => RequestInit;
  /** Undefined where each framework has its own. */
  readonly status?: number;
}

const get = (path: string, status = 200): Ask => ({
  path,
  what: `GET ${path}`,
  status,
});
const post = (
  what: string,
  path: string,
  body: () => RequestInit,
  status = 200,
): Ask => ({
  path,
  what,
  init: () => ({ method: "POST", ...body() }),
  status,
});
const json = (text: string, status?: number): Ask => {
  const headers = { "content-type": "application/json" };
  return post(
    `JSON: ${text}`,
    "/item",
    () => ({ body: text, headers }),
    status,
  );
};

const FIELDS = [
  ["name", "caf\u00e9 & co."],
  ["tag", "a=b"],
  ["tag", "\u20ac"],
] as const;

const multipart = (): FormData => {
  const body = new FormData();
  for (const [name, value] of FIELDS) body.append(name, value);
  body.set("file", new Blob([Buffer.alloc(300_000, "f")]), "caf\u00e9.bin");
  return body;
};

const PIECE = randomBytes(MiB);
const PIECES = 200;

/** Of all pieces, which are the same one. */
const sumOfPieces = (): string => {
  const sum = createHash("sha256");
  for (let i = 0; i < PIECES; i++) sum.update(PIECE);
  return sum.digest("hex");
};

const pieces = (): RequestInit => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(PIECE);
      if (++sent === PIECES) controller.close();
    },
  });
  return { body, duplex: "half" } as RequestInit;
};

/** What each of them is asked. */
const ALL: readonly Ask[] = [
  get("/"),
  { path: "/", what: "HEAD /", init: () => ({ method: "HEAD" }) },
  get("/stream"),
  get("/none", 404),
  post("a form, URL-encoded", "/form", () => ({
    body: new URLSearchParams(FIELDS.map(([...pair]) => pair)),
  })),
  post("a form, multipart with a file", "/form", () => ({ body: multipart() })),
  post("an upload of 200 MB", "/big", pieces),
];

interface Framework {
  /** Where it is not that of its name. */
  readonly module?: string;
  readonly asks?: readonly Ask[];
  readonly background?: true;
  readonly sockets?: true;
  readonly lifespan?: true;
}

const EVERYTHING = { background: true, sockets: true, lifespan: true } as const;

const FRAMEWORKS: Record<string, Framework> = {
  starlette: { ...EVERYTHING, asks: [get("/thread")] },
  fastapi: {
    ...EVERYTHING,
    asks: [
      get("/item"),
      get("/openapi.json"),
      json('{"name": "tea", "price": 2}'),
      json('{"name": "tea"}', 422),
    ],
  },
  django: {},
  quart: EVERYTHING,
  wsgi_to_asgi: { module: "asgiref" },
};

for (const [name, framework] of Object.entries(FRAMEWORKS))
  describe(`An ASGI application of ${name}`, function () {
    this.timeout(PATIENCE_MS);

    before(function () {
      const module = framework.module ?? name;
      const missing = missingModules(module, "werkzeug", "uvicorn");
      if (missing === undefined) return;
      console.log(`    skipped: ${missing} (Debian: python3-${module})`);
      this.skip();
    });

    describe("answers as it does below Uvicorn:", () => {
      const bothOf = useBoth(name);

      for (const ask of [...ALL, ...(framework.asks ?? [])])
        it(ask.what, async () => {
          bothOf().server.expectLog(/^Not Found: \/none/);
          const [ours, theirs] = await Promise.all(
            bothOf().origins.map((origin) => answerTo(origin, ask)),
          );
          expect(ours).to.deep.equal(theirs);
          if (ask.status) expect(ours!.status).to.equal(ask.status);
          if (ask.path !== "/big") return;
          expect(ours!.body).to.include(sumOfPieces());
          expect(ours!.body).to.include(String(PIECES * MiB));
        });

      if (framework.background)
        it("a task behind the reply", async () => {
          for (const origin of bothOf().origins) {
            const ask = async (): Promise<string> =>
              (await answerTo(origin, get("/background"))).body;
            expect(await ask(), origin).to.equal("");
            while ((await ask()) === "");
          }
        });

      if (framework.sockets)
        it("a WebSocket, and one that it refuses", async () => {
          const [ours, theirs] = await Promise.all(
            bothOf().origins.map(async (origin) => [
              await talk(origin),
              await refusal(origin),
            ]),
          );
          expect(ours).to.deep.equal(theirs);
          expect(ours).to.deep.equal([
            ["v1", "HELLO", Buffer.from("BYTES"), 4000],
            403,
          ]);
        });
    });

    it(`${framework.lifespan ? "has" : "needs no"} lifespan, as below Uvicorn`, async () => {
      const [here, there] = [folderWith({}), folderWith({})];
      const server = await serve(name, { env: { DESK: here } });
      const uvicorn = await startUvicorn(name, there);
      afterTest(uvicorn.end);
      for (const origin of [server.url, uvicorn.origin])
        expect((await answerTo(origin, get("/"))).status).to.equal(200);
      await Promise.all([server.loop.close(), uvicorn.end()]);
      const noted = [here, there].map((desk) => {
        const file = join(desk, "lifespan");
        return existsSync(file) ? readFileSync(file, "utf8") : "nothing";
      });
      const expected = framework.lifespan ? "startup\nshutdown\n" : "nothing";
      expect(noted).to.deep.equal([expected, expected]);
    });

    if (name !== "wsgi_to_asgi")
      it("is told where a view hangs", () => expectHangFound(name));

    if (name === "fastapi")
      describe("behind a middleware of functions, which runs views in tasks of their own", () => {
        const app = "fastapi_behind_middleware";

        it("is told where a view hangs", () => expectHangFound(app));

        it("is told which request blocks, and where", async () => {
          const server = await serve(app);
          server.expectLog(/./);
          const blocks = get("/blocks?seconds=2.5");
          expect((await answerTo(server.url, blocks)).body).to.equal("done");
          await server.logged(({ msg = "" }) =>
            msg.endsWith("GET /blocks blocks here"),
          );
          await server.logged(({ msg = "" }) => msg.endsWith("in blocks"));
        });
      });

    if (name === "django")
      it("has its own 500 for what fails", async () => {
        const server = await serve(name);
        server.expectLog(/./);
        expect((await fetch(`${server.url}/fails`)).status).to.equal(500);
      });
  });

const serve = (app: string, options: PythonOptions = {}): Promise<TestServer> =>
  serveWith(
    (loop) => loop.mount(pythonApp(`asgi_frameworks:${app}()`, options)),
    LIMITS,
  );

async function expectHangFound(app: string): Promise<void> {
  const server = await serve(app, { harakiriMs: 500 });
  server.expectLog(/./);
  const { status } = await answerTo(server.url, get("/hangs"));
  expect(status).to.equal(503);
  const { msg } = await server.logged((line) => /in hang\n/.test(line.msg!));
  expect(msg).to.match(/^it waits here, and is cancelled:\n[^]*in hangs\n/);
}

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

/**
 * On a connection of its own: a request that comes while the end of the reply before it is still to be sent, Uvicorn
 * begins in that reply's context, and there asgiref runs nothing (500).
 */
async function answerTo(origin: string, { path, init }: Ask): Promise<Answer> {
  const request = new Request(origin + path, init?.());
  request.headers.set("connection", "close");
  const response = await fetch(request);
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    body: await response.text(),
  };
}

/** Gives the protocol, what comes, and how it was closed. */
async function talk(origin: string): Promise<unknown[]> {
  const port = Number(new URL(origin).port);
  const client = await SocketClient.open(port, "/socket v1 v2");
  client.send("hello");
  client.send(Buffer.from("bytes"));
  const messages = await client.messages(2);
  client.send("close");
  const [code] = await client.closed;
  return [client.ws.protocol, ...messages, code];
}

function refusal(origin: string): Promise<number | undefined> {
  const client = new SocketClient(Number(new URL(origin).port), "/refuse");
  return new Promise((resolve) =>
    client.ws.on("unexpected-response", (_, { statusCode }) =>
      resolve(statusCode),
    ),
  );
}

interface Both {
  readonly server: TestServer;
  /** Ours, and Uvicorn's. */
  readonly origins: readonly [string, string];
}

/** For all tests of a suite. */
function useBoth(name: string): () => Both {
  let both: Both;
  let uvicorn: Uvicorn | undefined;
  before(async () => {
    const server = await serve(name);
    server.kept = true;
    uvicorn = await startUvicorn(name);
    both = { server, origins: [server.url, uvicorn.origin] };
  });
  afterEach(() => both.server.clearLog());
  after(async () => {
    await uvicorn?.end();
    await both.server.close();
  });
  return () => both;
}

interface Uvicorn {
  readonly origin: string;
  /** As systemd does, and waits for it. */
  end(): Promise<void>;
}

async function startUvicorn(name: string, desk?: string): Promise<Uvicorn> {
  const child = spawn(
    PYTHON,
    ["-m", "uvicorn", `asgi_frameworks:${name}`, "--factory", "--port", "0"],
    {
      cwd: APPS,
      stdio: ["ignore", "ignore", "pipe"],
      env: desk ? { ...process.env, DESK: desk } : process.env,
    },
  );
  const ended = once(child, "exit");
  const end = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  const origin = await new Promise<string>((resolve, reject) => {
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
  return { origin, end };
}
