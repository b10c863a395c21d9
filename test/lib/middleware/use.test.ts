/** `loop.use()`: where middleware stands, and what `next()` is to it. */
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { expect } from "chai";
import { sleep, suspend, type Operation } from "effection";
import { wsgi } from "../../../adapters/wsgi.ts";
import {
  HttpError,
  json,
  Loop,
  stream,
  upgrade,
  UsageError,
  type Handler,
  type Middleware,
} from "../../../lib/index.ts";
import { addToErrors } from "../../../lib/middleware/index.ts";
import { isBelow } from "../../../lib/middleware/prefix.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";
import { SocketClient } from "../../support/web-socket.ts";

/** Adds its name to `x-way`, the innermost first. */
const passing: Record<string, (name: string) => Middleware> = {
  function: (name) => (_request, next) =>
    next().change(({ headers }) => void headers.append("x-way", name)),
  async: (name) => async (_request, next) => {
    const reply = await next();
    reply.headers.append("x-way", name);
    return reply;
  },
  operation: (name) =>
    function* (_request, next) {
      const reply = yield* next();
      reply.headers.append("x-way", name);
      return reply;
    },
  "operation that returns next()": (name) =>
    function* (_request, next): Operation<any> {
      yield* sleep(0);
      return next().change(({ headers }) => void headers.append("x-way", name));
    },
};

const inside: Record<string, Handler> = {
  text: () => "hello",
  bytes: () => Buffer.from("hello"),
  data: () => ({ headers: [["x-own", "1"]], body: "hello" }),
  json: () => json("hello"),
  Response: () => new Response("hello"),
  async: async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return "hello";
  },
  operation: function* () {
    yield* sleep(1);
    return "hello";
  },
  wait: () => sleep(1) as Operation<never>,
  nothing: () => null,
  generator: () =>
    stream(
      (function* () {
        yield "hel";
        yield "lo";
      })(),
    ),
  writer: () =>
    stream(function* (out) {
      yield* out.write("hel");
      yield* out.write("lo");
    }),
  wsgi: wsgi((_environ: unknown, start: any) => {
    start("200 OK", [["content-type", "text/plain"]]);
    return ["hello"];
  }),
};

describe("Loop.use", () => {
  for (const [kind, middleware] of Object.entries(passing))
    for (const [what, handler] of Object.entries(inside))
      it(`${kind} around ${what}`, async () => {
        const loop = new Loop({ log: false })
          .use(middleware("outer"))
          .use(middleware("inner"))
          .mount(handler);
        const plain = new Loop({ log: false }).mount(handler);
        const [reply, its] = [await loop.fetch("/"), await plain.fetch("/")];
        expect(reply.headers.get("x-way")).to.equal("inner, outer");
        expect(reply.status).to.equal(its.status);
        expect(await reply.text()).to.equal(await its.text());
        reply.headers.delete("x-way");
        expect([...reply.headers]).to.deep.equal([...its.headers]);
        await loop.close();
        await plain.close();
      });

  it("stands only below its prefix, in the order of use, whether the mount was there before or not", async () => {
    const way: string[] = [];
    const named =
      (name: string): Middleware =>
      (_request, next) => {
        way.push(name);
        return next();
      };
    const loop = new Loop({ log: false })
      .mount(() => "root")
      .get("/api/users/:id", () => "user")
      .get("/api", () => "api")
      .use(named("all"))
      .use("/api", named("api"))
      .use("/api/users/", named("users"))
      .mount("/apis", () => "apis");
    const wayOf = async (path: string): Promise<string> => {
      way.length = 0;
      await (await loop.fetch(path)).text();
      return way.join(" ");
    };
    expect(await wayOf("/")).to.equal("all");
    expect(await wayOf("/api")).to.equal("all api");
    expect(await wayOf("/apis/x")).to.equal("all");
    expect(await wayOf("/api/users/1")).to.equal("all api users");
    expect(await wayOf("/api/users")).to.equal("all api users"); // of the mount at /
    await loop.close();
  });

  it("guards a prefix against every way to write it that an application inside may take for it", () => {
    for (const path of [
      "/admin",
      "/admin/",
      "/admin/x",
      "/%61dmin",
      "/%61dmin/x",
      "/ADMIN/x",
      "//admin",
      "/./admin",
      "/x/../admin/y",
      "/x/%2e%2e/admin",
      "/x/..%2fadmin",
      "/x/..\\admin",
      "/\\admin",
      "/admin/../public",
      "/%61dmin/../public",
      "/admin%2f../public",
      "/../../admin",
    ])
      expect(isBelow("/admin", path), path).to.equal(true);
    for (const path of [
      "/",
      "/administration",
      "/x/admin",
      "/x/%2e/admin",
      "/%",
      "/%zzadmin",
      "/admin%00",
    ])
      expect(isBelow("/admin", path), path).to.equal(false);
  });

  it("stands around the loop's own 404 and 405, and not around its health check", async () => {
    const loop = new Loop({ log: false, healthCheck: "/healthz" })
      .use((_request, next) => {
        try {
          return next();
        } catch (error) {
          throw new HttpError(418, (error as Error).message);
        }
      })
      .get("/a", () => "a");
    expect((await loop.fetch("/b")).status).to.equal(418);
    expect((await loop.fetch("/a", { method: "POST" })).status).to.equal(418);
    expect((await loop.fetch("/healthz")).status).to.equal(503); // it does not listen
    await loop.close();
  });

  it("lets middleware answer by itself, and replace a reply or an error", async () => {
    const loop = new Loop({ log: false })
      .use("/closed", () => ({ status: 403, body: "no" }))
      .use("/other", (_request, next) => next().change(() => "another"))
      .use("/error", async (_request, next) => {
        try {
          return await next();
        } catch (error) {
          return json({ error: (error as Error).message }, { status: 400 });
        }
      })
      .mount((request) => {
        if (request.path === "/closed") throw new Error("it was called");
        if (request.path === "/error") throw new HttpError(409, "taken");
        return "its own";
      });
    expect((await loop.fetch("/closed")).status).to.equal(403);
    expect(await (await loop.fetch("/other")).text()).to.equal("another");
    const failed = await loop.fetch("/error");
    expect([failed.status, await failed.json()]).to.deep.equal([
      400,
      { error: "taken" },
    ]);
    await loop.close();
  });

  it("changes nothing of an invalid reply's error", async () => {
    const loop = new Loop({ log: false })
      .use(passing.function!("a"))
      .mount(() => 7 as never);
    expect((await loop.fetch("/")).status).to.equal(500);
    await loop.close();
  });

  it("refuses what is no middleware, a malformed prefix, and what comes too late", async () => {
    const loop = new Loop({ log: false });
    expect(() => loop.use("/a", 7 as never)).to.throw(
      UsageError,
      "(request, next)",
    );
    expect(() => loop.use("a", () => "")).to.throw(
      UsageError,
      "middleware's prefix",
    );
    expect(() => loop.use("/:a", () => "")).to.throw(UsageError);
    await loop.fetch("/");
    expect(() => loop.use(() => "")).to.throw(UsageError, "before listen()");
    await loop.close();
  });

  describe("and AsyncLocalStorage.run around next()", () => {
    const store = new AsyncLocalStorage<string>();
    const within: Middleware = (request, next) =>
      store.run(request.headers.get("x-user") ?? "nobody", () => next());
    const seen: Record<string, Handler> = {
      "a function": () => String(store.getStore()),
      "an async function": async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return String(store.getStore());
      },
      "an operation": function* () {
        yield* sleep(1);
        return String(store.getStore());
      },
      "a body": () => ({
        body: (function* () {
          yield String(store.getStore());
        })(),
      }),
      "a body of an async function": async () => ({
        body: (async function* () {
          yield String(store.getStore());
        })(),
      }),
    };
    for (const [what, handler] of Object.entries(seen))
      for (const outer of ["function", "async", "operation"])
        it(`reaches ${what}, seen by middleware that is: ${outer}`, async () => {
          const loop = new Loop({ log: false })
            .use(passing[outer]!("outer"))
            .use(within)
            .mount(handler);
          const replies = await Promise.all(
            ["ada", "bob"].map(async (user) =>
              (await loop.fetch("/", { headers: { "x-user": user } })).text(),
            ),
          );
          expect(replies).to.deep.equal(["ada", "bob"]);
          await loop.close();
        });
  });
});

onEachEngine((engine) => {
  const serveWith = engine.serveWith.bind(engine);

  describe("Loop.use", () => {
    it("halts the operation inside of an async function when the client leaves", async () => {
      let began!: () => void;
      let ended!: (what: string) => void;
      const hasBegun = new Promise<void>((resolve) => (began = resolve));
      const hasEnded = new Promise<string>((resolve) => (ended = resolve));
      const server = await serveWith((loop) =>
        loop
          .use(async (_request, next) => await next())
          .get("/", function* () {
            try {
              began();
              yield* suspend();
              return "";
            } finally {
              ended("halted");
            }
          }),
      );
      const client = await RawClient.connect(server.port);
      client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await hasBegun;
      client.abort();
      expect(await hasEnded).to.equal("halted");
    });

    it("gives an async function what fails in an operation, and the log is silent", async () => {
      const server = await serveWith((loop) =>
        loop
          .use(async (_request, next) => await next())
          // oxlint-disable-next-line require-yield
          .get("/", function* () {
            throw new HttpError(409, "taken");
          }),
      );
      const reply = await fetch(server.url);
      expect([reply.status, await reply.text()]).to.deep.equal([
        409,
        "taken\n",
      ]);
    });

    it("lets an upgrade through, with the fields that it is given", async () => {
      for (const [kind, middleware] of Object.entries(passing)) {
        const server = await serveWith((loop) =>
          loop.use(middleware(kind)).websocket("/", () =>
            upgrade(
              function* (socket) {
                const message = yield* socket.receive();
                yield* socket.send(message!);
              },
              { headers: { "x-own": "1" } },
            ),
          ),
        );
        const client = new SocketClient(server.port, "/");
        const [[head]] = (await Promise.all([
          once(client.ws, "upgrade"),
          once(client.ws, "open"),
        ])) as [[IncomingMessage], unknown];
        expect(head.headers).to.include({ "x-own": "1", "x-way": kind });
        client.send(kind);
        expect(await client.messages(1)).to.deep.equal([kind]);
        client.ws.close();
        await server.end();
      }
    });
  });

  describe("addToErrors", () => {
    it("puts fields on errors of handlers, of the gateway, and on what takes too long", async () => {
      const server = await serveWith(
        (loop) =>
          loop
            .use((request, next) => {
              addToErrors(request, { "x-a": "1", allow: "nothing" });
              return next();
            })
            .get("/thrown", () => {
              throw new HttpError(404, "no");
            })
            .get("/slow", () => suspend() as never)
            .get("/bug", () => {
              throw new Error("a bug");
            }),
        { requestTimeoutMs: 20 },
      );
      server.expectLog(/failed/, /too long/);
      const [thrown, missing, slow, bug, other] = await Promise.all(
        ["thrown", "missing", "slow", "bug"]
          .map((path) => fetch(`${server.url}/${path}`))
          .concat(fetch(`${server.url}/bug`, { method: "POST" })),
      );
      expect(
        [thrown, missing, slow, bug, other].map((it) => [
          it!.status,
          it!.headers.get("x-a"),
        ]),
      ).to.deep.equal([
        [404, "1"],
        [404, "1"],
        [503, "1"],
        [500, "1"],
        [405, "1"],
      ]);
      expect(other!.headers.get("allow")).to.equal("GET, HEAD");
    });
  });
});
