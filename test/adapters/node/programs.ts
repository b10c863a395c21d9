/** Programs as people have them, for node:http and for us. Each is made anew for each server. */
import { createReadStream } from "node:fs";
import type { RequestListener } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Readable } from "node:stream";
import type expressModule from "express";
import type { ErrorRequestHandler, Express } from "express";
import type { NodeApplication } from "../../../adapters/node.ts";
import { ROOT } from "../../support/root.ts";

/** Many of the packages have no types. */
const require = createRequire(import.meta.url);
// oxlint-disable-next-line typescript/no-explicit-any
const load = (name: string): any => require(name);

export interface Program {
  /** For node:http: what its server is given. */
  listener(app: NodeApplication): Promise<RequestListener>;
  make(): NodeApplication;
  readonly requests: readonly Ask[];
}

/** A request of a client. */
export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const FILES = join(ROOT, "docs");
const LONG = "0123456789abcdef".repeat(4096);

const asIs = (app: NodeApplication): Promise<RequestListener> =>
  Promise.resolve(app as RequestListener);

const JSON_TYPE = { "content-type": "application/json" };
const FORM_TYPE = { "content-type": "application/x-www-form-urlencoded" };

/** A form with a field and a file. */
const MULTIPART = {
  headers: { "content-type": "multipart/form-data; boundary=x" },
  body:
    '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' +
    '--x\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n' +
    `${LONG}\r\n--x--\r\n`,
};

const EXPRESS_REQUESTS: readonly Ask[] = [
  { path: "/" },
  { path: "/", method: "HEAD" },
  { path: "/", method: "OPTIONS" },
  { path: "/", headers: { "if-none-match": '"hello"' } },
  { path: "/missing" },
  { path: "/missing", method: "DELETE" },
  { path: "/items/a%20b?x=1&x=2&y[z]=3" },
  { path: "/sub/inner?q=%C3%A9" },
  { path: "/old" },
  { path: "/empty" },
  { path: "/cookies", headers: { cookie: "a=1; b=2" } },
  { path: "/throws" },
  { path: "/rejects" },
  { path: "/long" },
  { path: "/long", headers: { "accept-encoding": "gzip" } },
  { path: "/streamed" },
  { path: "/streamed", headers: { "accept-encoding": "gzip" } },
  { path: "/session" },
  {
    path: "/echo",
    method: "POST",
    headers: JSON_TYPE,
    body: '{"a":[1,"é"]}',
  },
  { path: "/echo", method: "POST", headers: JSON_TYPE, body: '{"a":' },
  {
    path: "/echo",
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify(LONG + LONG),
  },
  { path: "/echo", method: "POST", headers: FORM_TYPE, body: "a=1&b=2&b=3" },
  { path: "/raw", method: "PUT", body: Buffer.from(LONG) },
  { path: "/upload", method: "POST", ...MULTIPART },
  { path: "/files/design.md" },
  { path: "/files/design.md", headers: { range: "bytes=10-19" } },
  { path: "/files/design.md", headers: { range: "bytes=9999999-" } },
  { path: "/files/design.md", method: "HEAD" },
  { path: "/files/design.md", headers: { "accept-encoding": "gzip" } },
  { path: "/files/../package.json" },
  { path: "/files/" },
  { path: "/download" },
  { path: "/accepts", headers: { accept: "text/html" } },
  { path: "/repeated" },
  { path: "/latin1" },
  { path: "/status" },
];

/** `modern`: routes that only Express 5 answers. */
function expressProgram(name: "express" | "express4"): Program {
  return {
    listener: asIs,
    requests:
      name === "express"
        ? EXPRESS_REQUESTS
        : EXPRESS_REQUESTS.filter(({ path }) => path !== "/rejects"), // where 4 does not answer
    make() {
      const express = load(name) as typeof expressModule;
      const app = express();
      app.set("env", "test"); // it prints what was thrown in others
      app.use(load("morgan")("tiny", { stream: { write() {} } }));
      app.use(load("compression")({ threshold: 1024 }));
      app.use(
        "/session",
        session(() => "fixed"),
      );
      app.use(express.json(), express.urlencoded({ extended: true }));
      app.use("/files", load("serve-static")(FILES));
      routes(app);
      const sub = express();
      sub.get("/inner", ({ baseUrl, originalUrl, url, query }, res) => {
        res.json({ baseUrl, originalUrl, url, query });
      });
      app.use("/sub", sub);
      app.use(withoutStack);
      return app;
    },
  };
}

/** Where it was thrown is shown to the client, and is not the same. */
const withoutStack: ErrorRequestHandler = (error, _req, _res, next) => {
  error.stack = String(error);
  next(error);
};

const session = (genid: () => string): RequestListener =>
  load("express-session")({
    secret: "secret",
    genid,
    resave: false,
    saveUninitialized: true,
  });

function routes(app: Express): void {
  app.get("/", (_req, res) => void res.set("etag", '"hello"').send("hello"));
  app.get(
    "/items/:id",
    ({ params, query }, res) => void res.json([params, query]),
  );
  app.get("/old", (_req, res) => res.redirect("/new?a=1"));
  app.get("/empty", (_req, res) => void res.status(204).end());
  app.get("/cookies", ({ headers }, res) => {
    res.cookie("c", "1", { httpOnly: true }).cookie("d", "2");
    res.json(headers["cookie"]);
  });
  app.get("/throws", () => {
    throw Object.assign(new Error("of the application"), { status: 418 });
  });
  app.get("/rejects", () => Promise.reject(new Error("of the application")));
  app.get("/long", (_req, res) => void res.type("text").send(LONG));
  app.get("/streamed", (_req, res) => {
    Readable.from([LONG, LONG, "end"]).pipe(res.type("text"));
  });
  app.get("/session", (req, res) => {
    const { session } = req as unknown as { session: { count?: number } };
    session.count = (session.count ?? 0) + 1;
    res.json(session.count);
  });
  app.post("/echo", ({ body, headers }, res) => {
    res.json({ body, length: headers["content-length"] });
  });
  app.put("/raw", (req, res) => void req.pipe(res));
  app.post(
    "/upload",
    load("multer")().single("file"),
    ({ body, file }: any, res: any) =>
      res.json({ body, name: file.originalname, size: file.size }),
  );
  app.get("/download", (_req, res) =>
    res.download(join(FILES, "http.md"), "é.md"),
  );
  app.get("/accepts", (_req, res) => {
    res.format({ html: () => res.send("<p>"), json: () => res.json(1) });
  });
  app.get("/repeated", (_req, res) => {
    res.setHeader("x-list", ["1", "2"]);
    res.writeHead(200, { "x-more": "3" });
    res.write("a");
    res.end("b");
  });
  app.get("/latin1", (_req, res) => {
    res.setHeader("x-name", "caf\u00e9");
    res.end("caf\u00e9", "latin1");
  });
  app.get("/status", (_req, res) => {
    res.statusMessage = "As You Like";
    res.status(299).end("odd");
  });
}

/** What a router of its own answers. */
const PLAIN_REQUESTS: readonly Ask[] = [
  { path: "/" },
  { path: "/", method: "HEAD" },
  { path: "/?a=1" },
  { path: "/json" },
  { path: "/json", headers: { "accept-encoding": "gzip" } },
  { path: "/stream" },
  { path: "/missing" },
  { path: "/echo", method: "POST", headers: JSON_TYPE, body: '{"a":1}' },
  { path: "/echo", method: "POST", headers: JSON_TYPE, body: "{" },
  { path: "/fails" },
];

export const PROGRAMS: Readonly<Record<string, Program>> = {
  "Express 5": expressProgram("express"),
  "Express 4": expressProgram("express4"),

  Koa: {
    requests: PLAIN_REQUESTS,
    listener: (app) =>
      Promise.resolve((app as { callback(): RequestListener }).callback()),
    make() {
      const Koa = load("koa");
      const app = new Koa();
      app.silent = true;
      app.use(async (ctx: any) => {
        if (ctx.path === "/") ctx.body = `hello ${ctx.querystring}`;
        if (ctx.path === "/json") ctx.body = { url: ctx.href, ip: ctx.ip };
        if (ctx.path === "/stream")
          ctx.body = createReadStream(join(FILES, "http.md"));
        if (ctx.path === "/echo") ctx.body = await textOf(ctx.req);
        if (ctx.path === "/fails") ctx.throw(409, "no");
      });
      return app;
    },
  },

  Fastify: {
    requests: PLAIN_REQUESTS,
    async listener(app) {
      const fastify = app as any;
      await fastify.ready();
      return fastify.routing as RequestListener;
    },
    make() {
      const app = load("fastify")();
      app.get("/", async ({ query }: any, reply: any) => {
        reply.type("text/plain");
        return `hello ${JSON.stringify(query)}`;
      });
      app.get("/json", async ({ protocol, ip }: any) => ({ protocol, ip }));
      app.get("/stream", (_: unknown, reply: any) =>
        reply.send(createReadStream(join(FILES, "http.md"))),
      );
      app.post("/echo", async ({ body }: any) => body);
      app.get("/fails", async () => {
        throw Object.assign(new Error("no"), { statusCode: 409 });
      });
      return app;
    },
  },

  Connect: {
    requests: PLAIN_REQUESTS,
    listener: asIs,
    make() {
      const app = load("connect")();
      app.use(load("compression")({ threshold: 0 }));
      app.use(load("body-parser").json());
      app.use("/json", (_req: any, res: any) => res.end('{"a":1}'));
      app.use("/stream", (_req: any, res: any) =>
        createReadStream(join(FILES, "http.md")).pipe(res),
      );
      app.use("/echo", ({ body, originalUrl, url }: any, res: any) =>
        res.end(JSON.stringify({ body, originalUrl, url })),
      );
      app.use("/fails", (_req: any, _res: any, next: any) =>
        next(Object.assign(new Error("no"), { status: 409 })),
      );
      app.use((req: any, res: any, next: any) => {
        if (!/^\/(\?|$)/.test(req.url)) return next();
        load("on-finished")(res, () => {});
        res.setHeader("content-type", "text/plain");
        res.end(`hello ${req.url}`);
      });
      app.use((error: any, _req: any, res: any, _next: any) => {
        res.statusCode = error.status;
        res.end(error.message);
      });
      return app;
    },
  },
};

async function textOf(req: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of req) text += String(chunk);
  return text;
}
