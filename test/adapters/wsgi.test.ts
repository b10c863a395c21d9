import { expect } from "chai";
import {
  middleware,
  validator,
  wsgi,
  type Middleware,
  type WsgiApp,
} from "../../adapters/wsgi.ts";
import type { Handler } from "../../lib/index.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith } from "../support/server.ts";
import { describeAdapter, type Behaviours } from "./contract.ts";
import { apps, endings } from "./wsgi/apps/contract.ts";
import { VALID } from "./wsgi/apps/valid.ts";

const TEXT: [string, string] = ["content-type", "text/plain"];

let ended = 0;

const native: Behaviours<Handler> = {
  echo: async (request) => ({
    headers: [
      ["content-type", request.headers.get("content-type") ?? "text/plain"],
      ["x-method", request.method],
      ["x-path", request.mountPath + request.path],
      ["x-query", request.queryString],
      ["x-sent", request.headers.get("x-sent") ?? ""],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ],
    body: await request.bytes(),
  }),
  status: ({ queryString }) => ({
    status: Number(queryString),
    headers: { "x-status": queryString },
    body: "body",
  }),
  stream: ({ queryString }) => ({ body: lines(Number(queryString)) }),
  throws() {
    throw new Error("on purpose");
  },
  throwsLate: () => ({ body: failing() }),
  endless: ({ queryString }) =>
    queryString === "ended" ? String(ended) : { body: ticks() },
};

function* lines(count: number): Generator<string> {
  for (let i = 1; i <= count; i++) yield `line ${i}\n`;
}

function* failing(): Generator<string> {
  yield "begun\n";
  throw new Error("on purpose");
}

function* ticks(): Generator<string> {
  try {
    for (;;) yield "tick\n";
  } finally {
    ended++;
  }
}

describeAdapter("native handler", (behaviour) => native[behaviour]);
describeAdapter("wsgi", (behaviour) => wsgi(apps[behaviour]));
describeAdapter("wsgi with validator", (behaviour) =>
  wsgi(validator(apps[behaviour])),
);

describe("wsgi adapter", () => {
  for (const framing of ["content-length: 6", "transfer-encoding: chunked"])
    it(`refuses a body above maxBodyBytes with 413 before it calls the application (${framing})`, async () => {
      let called = false;
      const app = wsgi((_, start) => {
        called = true;
        start("200 OK", [TEXT]);
        return [];
      });
      const { port } = await serveWith((loop) =>
        loop.mount("/", app, { maxBodyBytes: 5 }),
      );
      const client = await RawClient.connect(port);
      const body = framing.includes("chunked")
        ? "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
        : "abcdef";
      client.request("POST /", [framing], body);
      await client.until(/^HTTP\/1.1 413 /);
      expect(called).to.equal(false);
    });

  it("accepts a body of exactly maxBodyBytes", async () => {
    const { url } = await serveWith((loop) =>
      loop.mount("/", wsgi(apps.echo), { maxBodyBytes: 5 }),
    );
    const response = await fetch(url, { method: "POST", body: "abcde" });
    expect(await response.text()).to.equal("abcde");
  });

  it("does not call the application when the client leaves in the middle of the body", async () => {
    let called = false;
    const server = await serveWith(
      (loop) =>
        loop.mount(
          wsgi((_, start) => {
            called = true;
            start("200 OK", [TEXT]);
            return [];
          }),
        ),
      { accessLog: true },
    );
    const client = await RawClient.connect(server.port);
    client.request("POST /", ["content-length: 10"], "half");
    client.socket.end();
    await server.logged((line) => line.outcome === "abort");
    await server.loop.close();
    expect(called).to.equal(false);
  });

  it("calls the application for a GET within the route callback, before anything else has a turn", async () => {
    let inCallback = false;
    const { url } = await serveWith((loop) => {
      const handle = wsgi((_, start) => {
        inCallback = true;
        start("200 OK", [TEXT]);
        return ["x"];
      }) as Handler;
      loop.mount((request) => {
        const reply = handle(request);
        expect(inCallback).to.equal(true);
        return reply as ReturnType<Handler>;
      });
    });
    expect(await (await fetch(url)).text()).to.equal("x");
  });

  it("serves a handler beside it while a client takes its time over a stream", async () => {
    const { url, port } = await serveWith((loop) =>
      loop.mount("/endless", wsgi(apps.endless)).get("/", async () => "here"),
    );
    const client = await RawClient.connect(port);
    client.request("GET /endless");
    await client.until(/tick/);
    client.socket.pause();
    expect(await (await fetch(url)).text()).to.equal("here");
    client.abort();
  });

  it("ends a stream that is still running when the loop's drain time is over", async () => {
    const server = await serveWith((loop) => loop.mount(wsgi(apps.endless)), {
      accessLog: true,
      drainTimeoutMs: 0,
    });
    server.expectLog(/had to be halted/);
    const before = endings();
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await client.until(/tick/);
    const report = await server.loop.close();
    expect(report.tally).to.include({ accepted: 1, drain: 1 });
    expect(endings()).to.equal(before + 1);
    expect(await client.untilClosed()).to.not.include("\r\n0\r\n\r\n");
  });
});

describe("wsgi middleware()", () => {
  /** Says on the way in and out that it was there. */
  const named =
    (name: string, passed: string[]): Middleware =>
    (app) =>
    (environ, start) => {
      passed.push(`${name} in`);
      return app(environ, (status, headers, ...excInfo) => {
        passed.push(`${name} out`);
        return start(status, [...headers, ["x-layer", name]], ...excInfo);
      });
    };

  it("puts the first layer outermost", async () => {
    const passed: string[] = [];
    const app = middleware(
      (_, start) => {
        passed.push("app");
        start("200 OK", [TEXT]);
        return ["x"];
      },
      named("outer", passed),
      named("middle", passed),
      named("inner", passed),
    );
    const { url } = await serveWith((loop) => loop.mount(wsgi(app)));
    const { headers } = await fetch(url);
    expect(passed.join(", ")).to.equal(
      "outer in, middle in, inner in, app, inner out, middle out, outer out",
    );
    expect(headers.get("x-layer")).to.equal("inner, middle, outer");
  });

  it("builds the layers once, not for each request", async () => {
    let built = 0;
    const layer: Middleware = (app) => {
      built++;
      return app;
    };
    const { url } = await serveWith((loop) =>
      loop.mount(wsgi(middleware(apps.echo, layer))),
    );
    await fetch(url);
    await fetch(url);
    expect(built).to.equal(1);
  });

  it("is the application itself without layers", () => {
    expect(middleware(apps.echo)).to.equal(apps.echo);
  });

  it("lets a layer answer in place of the application", async () => {
    const deny: Middleware = () => (_, start) => {
      start("403 Forbidden", [TEXT]);
      return ["no"];
    };
    const { url } = await serveWith((loop) =>
      loop.mount(wsgi(middleware(apps.throws, deny))),
    );
    const response = await fetch(url);
    expect(response.status).to.equal(403);
    expect(await response.text()).to.equal("no");
  });
});

describe("wsgi validator finds nothing wrong with the gateway", () => {
  for (const [title, { app, body, init }] of Object.entries(VALID))
    it(title, async () => {
      // What the validator finds is an error in the log, and fails the test.
      const { url } = await serveWith((loop) => loop.mount("/app", wsgi(app)));
      const response = await fetch(`${url}/app/%FF?q=%FF`, init);
      expect(await response.text()).to.equal(body);
    });
});

describe("wsgi()", () => {
  it("refuses an async function, whose failure does not end the process", async () => {
    const app = (async () => {
      throw new Error("nobody waits for this");
    }) as unknown as WsgiApp;
    const server = await serveWith((loop) => loop.mount(wsgi(app)));
    server.expectLog(/mount it as a handler/);
    expect((await fetch(server.url)).status).to.equal(500);
  });
});
