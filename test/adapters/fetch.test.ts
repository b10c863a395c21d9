import { expect } from "chai";
import { fetch as adapt, type FetchApp } from "../../adapters/fetch.ts";
import { GatewayError, type Loop } from "../../lib/index.ts";
import { afterTest } from "../support/hooks.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { describeAdapter, type Behaviours } from "./contract.ts";

let ended = 0;

const NULL_BODY = [204, 304];

const apps: Behaviours<(request: Request) => Response | Promise<Response>> = {
  async echo(request) {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers([
      ["content-type", request.headers.get("content-type") ?? "text/plain"],
      ["x-method", request.method],
      ["x-path", pathname],
      ["x-query", search.slice(1)],
      ["x-sent", request.headers.get("x-sent") ?? ""],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    return new Response(await request.arrayBuffer(), { headers });
  },
  status({ url }) {
    const status = Number(new URL(url).search.slice(1));
    const headers = { "x-status": String(status) };
    const body = NULL_BODY.includes(status) ? null : "body";
    return new Response(body, { status, headers });
  },
  stream: ({ url }) =>
    new Response(
      streamOf(lines(Number(new URL(url).search.slice(1)))) as BodyInit,
    ),
  throws() {
    throw new Error("on purpose");
  },
  throwsLate: () => new Response(streamOf(failing())),
  endless: ({ url }) =>
    new Response(url.endsWith("?ended") ? String(ended) : endless()),
};

function* lines(count: number): Generator<string> {
  for (let i = 1; i <= count; i++) yield `line ${i}\n`;
}

function* failing(): Generator<string> {
  yield "begun\n";
  throw new Error("on purpose");
}

function streamOf(chunks: Iterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = chunks.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(Buffer.from("tick\n")),
    cancel: () => void ended++,
  });
}

for (const lightResponse of [true, false])
  describeAdapter(`fetch, lightResponse ${lightResponse},`, (behaviour) =>
    adapt(apps[behaviour], { lightResponse }),
  );

async function serve(
  app: FetchApp,
  options: Parameters<typeof adapt>[1] = {},
  mount: (loop: Loop, app: ReturnType<typeof adapt>) => unknown = (loop, it) =>
    loop.mount(it),
): Promise<TestServer> {
  return await serveWith((loop) => mount(loop, adapt(app, options)), {
    accessLog: true,
  });
}

const nothing = (): Response => new Response(null);

describe("fetch() gives its application", () => {
  it("a Request", async () => {
    const seen: unknown[] = [];
    const server = await serve((request) => {
      seen.push(request instanceof Request, request.constructor.name);
      return nothing();
    });
    await fetch(server.url);
    expect(seen).to.deep.equal([true, "Request"]);
  });

  it("the whole URL, with the mount, as the client asked for it", async () => {
    const { url } = await serve(
      (request) => new Response(request.url),
      {},
      (loop, app) => loop.mount("/api", app),
    );
    for (const target of ["/api", "/api/", "/api/a%20b?c=%20d&e", "/api?x"])
      expect(await (await fetch(url + target)).text()).to.equal(url + target);
  });

  it("a URL that is resolved, and none that leads out of the mount: 400", async () => {
    const server = await serve(
      (request) => new Response(request.url),
      {},
      (loop, app) => loop.mount("/api", app),
    );
    const get = async (target: string): Promise<string> => {
      const client = await RawClient.connect(server.port);
      client.request(`GET ${target}`, ["connection: close"]);
      return await client.untilClosed();
    };
    expect(await get("/api/a/../b")).to.match(/\r\n\r\nhttp:.*\/api\/b$/);
    expect(await get("/api/../admin")).to.match(/^HTTP\/1.1 400 /);
    expect(await get("/api/%2e%2e/apiary")).to.match(/^HTTP\/1.1 400 /);
  });

  it("env.eddy, the gateway's own request", async () => {
    const { url } = await serve(
      (_, env) =>
        new Response(`${env.eddy.mountPath} ${env.eddy.path} ${env.extra}`),
      {},
      (loop, app) => loop.mount("/api", app),
    );
    expect(await (await fetch(`${url}/api/x`)).text()).to.equal(
      "/api /x undefined",
    );
  });

  for (const [what, env] of [
    ["an object", { extra: "GET" }],
    ["made for each request", ({ method }) => ({ extra: method })],
  ] as [string, NonNullable<Parameters<typeof adapt>[1]>["env"]][])
    it(`what the option env says: ${what}`, async () => {
      const { url } = await serve(
        (_, { eddy, extra }) => new Response(`${eddy.path} ${extra}`),
        env === undefined ? {} : { env },
      );
      expect(await (await fetch(`${url}/x`)).text()).to.equal("/x GET");
    });

  it("a signal that fires with an AbortError when the client leaves; its cause says more", async () => {
    let reason: DOMException | undefined;
    const server = await serve(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      reason = signal.reason as DOMException;
      return nothing();
    });
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    while (server.loop.tasks().exchanges.length === 0)
      await new Promise(setImmediate);
    client.abort();
    await server.logged(({ outcome }) => outcome === "abort");
    while (reason === undefined) await new Promise(setImmediate);
    expect(reason).to.be.instanceOf(DOMException);
    expect(reason.name).to.equal("AbortError");
    expect((reason as { cause?: unknown }).cause).to.include({
      code: "EDDY_CLIENT_ABORTED",
    });
  });

  it("a signal that has fired, when it asks too late", async () => {
    let late: Request | undefined;
    const server = await serve((request) => {
      late = request;
      return new Promise(() => {});
    });
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    while (server.loop.tasks().exchanges.length === 0)
      await new Promise(setImmediate);
    client.abort();
    await server.logged(({ outcome }) => outcome === "abort");
    expect(late!.signal.aborted).to.equal(true);
  });

  it("ctx.waitUntil: a task of the loop, which a drain waits for", async () => {
    let finish = (): void => {};
    let done = false;
    const server = await serve((_, __, ctx) => {
      const work = new Promise<void>((resolve) => (finish = resolve));
      ctx.waitUntil(work.then(() => (done = true)));
      ctx.passThroughOnException();
      return nothing();
    });
    await fetch(server.url);
    expect(server.loop.tasks().exchanges).to.deep.equal([]);
    expect(JSON.stringify(server.loop.tasks())).to.include("waitUntil");
    const closed = server.loop.close();
    const first = await Promise.race([
      closed.then(() => "closed"),
      new Promise((resolve) => setTimeout(resolve, 50, "waiting")),
    ]);
    expect(first).to.equal("waiting");
    finish();
    await closed;
    expect(done).to.equal(true);
  });

  it("ctx.waitUntil: a drain waits for longer than for a cleanup, and as long as for requests", async () => {
    const finishes: (() => void)[] = [];
    type Context = { waitUntil(work: Promise<unknown>): void };
    const late = async (ctx: Context): Promise<void> => {
      await new Promise<void>((resolve) => finishes.push(resolve));
      ctx.waitUntil(new Promise<void>((resolve) => finishes.push(resolve)));
    };
    const server = await serveWith(
      (loop) =>
        loop.mount(
          adapt((_, __, ctx) => {
            ctx.waitUntil(late(ctx));
            return nothing();
          }),
        ),
      { teardownTimeoutMs: 1, drainTimeoutMs: 60_000 },
    );
    await fetch(server.url);
    const closed = server.loop.close().then(() => "closed");
    for (const one of [0, 1]) {
      const first = await Promise.race([
        closed,
        new Promise((resolve) => setTimeout(resolve, 50, "waiting")),
      ]);
      expect(first).to.equal("waiting");
      finishes[one]!();
    }
    await closed;
  });

  it("ctx.waitUntil, whose failures go to the log alone", async () => {
    const server = await serve((_, __, ctx) => {
      ctx.waitUntil(Promise.reject(new Error("on purpose")));
      return nothing();
    });
    server.expectLog(/on purpose/);
    expect((await fetch(server.url)).status).to.equal(200);
    const { msg } = await server.logged(({ level }) => level >= 50);
    expect(msg).to.equal("a promise given to waitUntil() has failed");
    expect((await fetch(server.url)).status).to.equal(200);
  });
});

describe("fetch() answers", () => {
  for (const [what, app] of [
    [
      "413 for a body that is too large, if its application does not",
      async (request: Request) => new Response(await request.text()),
    ],
    [
      "413 as well from the stream of the body",
      async (request: Request) =>
        new Response(await new Response(request.body).text()),
    ],
    [
      "413 by getResponse(), which frameworks ask an error for",
      (request: Request) =>
        request
          .json()
          .then(nothing, (error: { getResponse(): Response }) =>
            error.getResponse(),
          ),
    ],
  ] as [string, (request: Request) => Promise<Response>][])
    it(what, async () => {
      const server = await serve(app, {}, (loop, it) =>
        loop.mount("/", it, { maxBodyBytes: 5 }),
      );
      const client = await RawClient.connect(server.port);
      client.request(
        "POST /",
        ["transfer-encoding: chunked"],
        "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
      );
      const reply = await client.untilClosed();
      expect(reply).to.match(/^HTTP\/1.1 413 /);
      expect(reply).to.match(/the body is longer than the 5 bytes/);
    });

  it("408 for a body that does not come", async () => {
    const server = await serve(
      async (request) => new Response(await request.text()),
      {},
      (loop, it) => loop.mount("/", it, { bodyTimeoutMs: 20 }),
    );
    const client = await RawClient.connect(server.port);
    client.request("POST /", ["content-length: 10"], "half");
    await client.until(/^HTTP\/1.1 408 /);
    client.abort(); // who is refused in the middle of a body is waited for
  });

  it("500 when its application returns nothing, as a router without a route does", async () => {
    const server = await serve((() => undefined) as never);
    server.expectLog(
      /the application returned nothing; it has to return a Response/,
    );
    expect((await fetch(server.url)).status).to.equal(500);
  });

  it("500 when it returns a text", async () => {
    const server = await serve((async () => "text") as never);
    server.expectLog(/the application returned text; it has to return/);
    expect((await fetch(server.url)).status).to.equal(500);
  });

  for (const [what, cancel] of [
    ["", () => {}],
    [
      ", and may fail with the reason of the signal",
      ({ reason }) => {
        throw reason;
      },
    ],
  ] as [string, (signal: AbortSignal) => void][])
    it(`after its client has left: the body of that Response is cancelled${what}`, async () => {
      let cancelled: (() => void) | undefined;
      const done = new Promise<void>((resolve) => (cancelled = resolve));
      const server = await serve(async ({ signal }) => {
        await new Promise((resolve) =>
          signal.addEventListener("abort", resolve),
        );
        const body = new ReadableStream({
          cancel() {
            cancelled!();
            cancel(signal);
          },
        });
        return new Response(body);
      });
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      while (server.loop.tasks().exchanges.length === 0)
        await new Promise(setImmediate);
      client.abort();
      await done; // what the log says of it is looked at behind the test
    });
});

describe("fetch() refuses", () => {
  for (const [what, app, options, message] of [
    [
      "what has no fetch",
      {},
      {},
      /takes a function or an object with a function `fetch`, not a object/,
    ],
    ["null", null, {}, /not null$/],
    [
      "an option that does not exist",
      nothing,
      { light: true },
      /there is no option "light" of fetch\(\), only lightResponse, env/,
    ],
    [
      "an env that is none",
      nothing,
      { env: "x" },
      /option "env" of fetch\(\) takes an object, or a function/,
    ],
  ] as [string, FetchApp, object, RegExp][])
    it(what, () => {
      expect(() => adapt(app, options)).to.throw(GatewayError, message);
    });
});

describe("fetch() never awaits its application:", () => {
  /** As an itty router: any member that it has not is a function that gives the router. */
  const proxy = new Proxy(
    { fetch: (): Response => new Response("routed") },
    {
      get: (target, name, receiver) =>
        (target as Record<string | symbol, unknown>)[name] ??
        ((): unknown => receiver),
    },
  );

  it("one with a `then` is served", async () => {
    const { url } = await serve(proxy);
    expect(await (await fetch(url)).text()).to.equal("routed");
  });

  it("with a method that needs its object", async () => {
    class App {
      readonly #text = "own";
      fetch(): Response {
        return new Response(this.#text);
      }
    }
    const { url } = await serve(new App());
    expect(await (await fetch(url)).text()).to.equal("own");
  });
});

describe("fetch() with lightResponse", () => {
  it("replaces the global Response while a loop has it open, says so, and puts it back", async () => {
    const before = globalThis.Response;
    const fetched = globalThis.fetch;
    afterTest(() => expect(globalThis.Response).to.equal(before));
    const one = await serve(nothing, { lightResponse: true });
    const other = await serve(nothing, { lightResponse: true });
    expect(globalThis.Response).to.not.equal(before);
    await one.loop.close();
    expect(globalThis.Response).to.not.equal(before);
    expect(one.log.map(({ msg }) => msg)).to.include(
      "Response is a light one in this process; to keep Node's own: lightResponse: false, or --no-light-response",
    );
    await other.loop.close();
    expect(globalThis.Response).to.equal(before);
    expect(globalThis.fetch).to.equal(fetched);
  });

  it("leaves alone what somebody else has put there meanwhile", async () => {
    const before = globalThis.Response;
    const theirs = class extends before {};
    const server = await serve(nothing, { lightResponse: true });
    globalThis.Response = theirs;
    await server.loop.close();
    expect(globalThis.Response).to.equal(theirs);
    globalThis.Response = before;
  });

  it("replaces nothing without it", async () => {
    const before = globalThis.Response;
    await serve(nothing);
    expect(globalThis.Response).to.equal(before);
  });
});
