import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createRequire } from "node:module";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import express from "express";
import { node, type NodeApplication } from "../../adapters/node.ts";
import { UsageError, type Application } from "../../lib/index.ts";
import { onEachEngine } from "../support/engines.ts";
import { RawClient } from "../support/raw-client.ts";

const require = createRequire(import.meta.url);
// oxlint-disable-next-line typescript/no-explicit-any
const load = (name: string): any => require(name);

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown;

/** Says where it is. */
const where: Listener = (req, res) => {
  const { url, originalUrl, baseUrl } = req as express.Request;
  res.end(JSON.stringify({ url, originalUrl, baseUrl }));
};

/** What cannot be had, how it is asked for, and what the error says. */
const IMPOSSIBLE: readonly [
  string,
  (req: IncomingMessage, res: ServerResponse) => void,
  RegExp,
][] = [
  [
    "an upgrade",
    (_, res) => res.writeHead(101, { upgrade: "x" }).end(),
    /not upgraded/,
  ],
  [
    "the raw connection",
    ({ socket }) => void socket.write("x"),
    /write to the response/,
  ],
  [
    "trailers",
    (_, res) => {
      res.writeHead(200, { trailer: "x-sum" }).end();
    },
    /trailers.*fields/,
  ],
  [
    "trailers that nothing announces",
    (_, res) => {
      res.addTrailers({ "x-sum": "1" });
      res.end("x");
    },
    /trailers.*fields/,
  ],
  [
    "early hints",
    (_, res) =>
      res.writeEarlyHints({ link: "</a.css>; rel=preload; as=style" }),
    /`link` of the reply/,
  ],
  [
    "a status that no reply has",
    (_, res) => res.writeHead(700).end(),
    /from 200 to 599/,
  ],
];

onEachEngine((engine) => {
  const serve = (app: Application, prefix = "/") =>
    engine.serveWith((loop) => loop.mount(prefix, app));

  const text = async (url: string): Promise<string> =>
    (await fetch(url)).text();

  describe("node()", () => {
    it("tells an application where it is mounted, as Express does", async () => {
      const { url } = await serve(node(where), "/a");
      const inExpress = express().use("/a", where as express.RequestHandler);
      const { url: theirs } = await serve(node(inExpress));
      for (const path of ["/a", "/a/", "/a/b%20c?d=1", "/a?d"])
        expect(await text(url + path)).to.equal(await text(theirs + path));
    });

    it("tells one with `keepMount` the whole path", async () => {
      const { url } = await serve(node(where, { keepMount: true }), "/a");
      expect(JSON.parse(await text(`${url}/a/b?c=1`))).to.deep.equal({
        url: "/a/b?c=1",
      });
    });

    it("gives an Express application requests and responses of its own kind", async () => {
      const app = express();
      let alike = false;
      app.use((req, res) => {
        alike =
          Object.getPrototypeOf(req) === app.request &&
          Object.getPrototypeOf(res) === app.response;
        res.end();
      });
      await text((await serve(node(app))).url);
      expect(alike).to.equal(true);
    });

    it("takes an http.Server with its listeners", async () => {
      const server = createServer();
      const { url } = await serve(node(server));
      server.on("request", (_req, res) => res.end("listened"));
      expect(await text(url)).to.equal("listened");
    });

    it("makes a Fastify application ready, and closes it with its hooks", async () => {
      const app = load("fastify")();
      const hooks: string[] = [];
      app.addHook("onReady", async () => void hooks.push("ready"));
      app.addHook("onClose", async () => void hooks.push("close"));
      app.get("/", async () => "fastify");
      const { url, loop } = await serve(node(app));
      expect(await text(url)).to.equal("fastify");
      expect(hooks).to.deep.equal(["ready"]);
      await loop.close();
      expect(hooks).to.deep.equal(["ready", "close"]);
    });

    it("takes a NestJS application on Express", async () => {
      load("reflect-metadata");
      const { Controller, Get, Module, Param } = load("@nestjs/common");
      class Greeter {
        greet(name: string): string {
          return `hello ${name}`;
        }
      }
      const property = Object.getOwnPropertyDescriptor(
        Greeter.prototype,
        "greet",
      );
      Controller("greet")(Greeter);
      Get(":name")(Greeter.prototype, "greet", property);
      Param("name")(Greeter.prototype, "greet", 0);
      class Root {}
      Module({ controllers: [Greeter] })(Root);
      const app = await load("@nestjs/core").NestFactory.create(Root, {
        logger: false,
      });
      const { url } = await serve(node(app as NodeApplication));
      expect(await text(`${url}/greet/nest`)).to.equal("hello nest");
    });

    it("gives the bytes of fields and targets as Node does, a character each", async () => {
      const { port } = await serve(
        node(((req, res) => {
          const { url, headers, rawHeaders } = req;
          res.end(JSON.stringify([url, headers["x-name"], rawHeaders.length]));
        }) as Listener),
      );
      const client = await RawClient.connect(port);
      client.request("GET /", ["X-Name: caf\xc3\xa9s", "Connection: close"]);
      const received = await client.untilClosed();
      expect(Buffer.from(received, "latin1").toString()).to.include(
        JSON.stringify(["/", "caf\xc3\xa9s", 6]),
      );
    });

    it("says of the connection whose it is", async () => {
      const { url } = await serve(
        node(((req, res) => {
          const { remoteAddress, remoteFamily, encrypted } =
            req.socket as never;
          res.end(JSON.stringify({ remoteAddress, remoteFamily, encrypted }));
        }) as Listener),
      );
      expect(JSON.parse(await text(url))).to.deep.equal({
        remoteAddress: "127.0.0.1",
        remoteFamily: "IPv4",
        encrypted: false,
      });
    });

    for (const [what, use, message] of IMPOSSIBLE)
      it(`throws for ${what}, and says what to use`, async () => {
        let thrown: unknown;
        const server = await serve(
          node(((req, res) => {
            try {
              use(req, res);
            } catch (error) {
              thrown = error;
              res.statusCode = 500;
              res.statusMessage = "";
            }
            if (!res.writableEnded) res.end();
          }) as Listener),
        );
        server.expectLog(/trailers cannot be sent/);
        await fetch(server.url).catch(() => {}); // one that had begun is cut
        expect(String(thrown)).to.match(message);
      });

    it("keeps the length that the application has promised for HEAD", async () => {
      const { url } = await serve(
        node(((_req, res) => {
          res.setHeader("content-length", 5).end();
        }) as Listener),
      );
      const { headers } = await fetch(url, { method: "HEAD" });
      expect(headers.get("content-length")).to.equal("5");
    });

    it("ends the connection where the application says so", async () => {
      for (const say of [
        (res: ServerResponse) => void res.setHeader("connection", "close"),
        (res: ServerResponse) => void (res.shouldKeepAlive = false),
      ]) {
        const { port } = await serve(
          node(((_req, res) => {
            say(res);
            res.end("last");
          }) as Listener),
        );
        const client = (await RawClient.connect(port)).request("GET /");
        expect(await client.untilClosed()).to.match(/connection: close/i);
      }
    });

    it("lets the client wait while the application does not read", async () => {
      let req!: IncomingMessage;
      let asked!: () => void;
      let received = 0;
      const whenAsked = new Promise<void>((resolve) => (asked = resolve));
      const listener: Listener = (given, res) => {
        req = given;
        req.on("end", () => res.end(`all ${received}`));
        asked();
      };
      const { port } = await engine.serveWith(
        (loop) => loop.mount(node(listener)),
        { maxBodyBytes: 1e8 },
      );
      const client = await RawClient.connect(port);
      const length = 16 << 20;
      client.request("POST /", [`Content-Length: ${length}`]);
      client.send("x".repeat(length));
      await whenAsked;
      req.read(0); // the first chunk is asked for, and none behind it
      await once(req, "readable");
      for (let turn = 0; turn < 100; turn++) await setImmediate();
      expect(req.readableLength).to.be.within(1, 1 << 20);
      req.on("data", (chunk: Buffer) => (received += chunk.length));
      await client.until(/all 16777216/);
    });
  });
});

describe("node()", () => {
  it("throws for what is no application, and for options that are none", () => {
    for (const app of [undefined, null, 1, {}, []])
      expect(() => node(app as never)).to.throw(
        UsageError,
        /Express, Connect, Koa/,
      );
    expect(() => node(where, { keep: true } as never)).to.throw(
      UsageError,
      /"keep"/,
    );
    expect(() => node(where, { keepMount: 1 } as never)).to.throw(
      UsageError,
      /true or false/,
    );
  });
});
