/** The same small program in each framework, and a Hono application that uses what people use of it. */
import { initTRPC } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { createSchema, createYoga } from "graphql-yoga";
import { H3, readBody } from "h3";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { getCookie, setCookie } from "hono/cookie";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { stream, streamSSE, streamText } from "hono/streaming";
import { AutoRouter, json, text } from "itty-router";
import { createRequestHandler, type ServerBuild } from "react-router";
import type { FetchApp } from "../../../adapters/fetch.ts";

/** What a framework is asked, and a part of what it has to answer. */
export interface Question {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: BodyInit;
  readonly status: number;
  readonly answer?: RegExp;
  /** A field that node-server makes up, or "reason", which it drops. */
  readonly ours?: string;
}

export interface Framework {
  readonly name: string;
  readonly app: FetchApp;
  readonly questions: readonly Question[];
}

const JSON_TYPE = { "content-type": "application/json" };
const order = { method: "POST", headers: JSON_TYPE, body: '{"n":2}' };

/** GET /, GET /users/7, POST /double, and what is not there. */
const SMALL: Question[] = [
  { path: "/", status: 200, answer: /^hello$/ },
  { path: "/users/7?x=y", status: 200, answer: /^\{"id":"7"\}$/ },
  { path: "/double", ...order, status: 200, answer: /^\{"n":4\}$/ },
  { path: "/missing", status: 404 },
];

function small(): Hono {
  return new Hono()
    .get("/", (c) => c.text("hello"))
    .get("/users/:id", (c) => c.json({ id: c.req.param("id") }))
    .post("/double", async (c) => c.json({ n: (await c.req.json()).n * 2 }));
}

const itty = AutoRouter()
  .get("/", () => text("hello"))
  .get("/users/:id", ({ params }) => ({ id: params["id"] }))
  .post("/double", async (request) =>
    json({ n: (await request.json()).n * 2 }),
  );

const h3 = new H3()
  .get("/", () => "hello")
  .get("/users/:id", ({ context }) => ({ id: context.params!["id"] }))
  .post("/double", async (event) => ({
    n: (await readBody<{ n: number }>(event))!.n * 2,
  }));

const { procedure, router } = initTRPC.create({ isDev: false });
const trpcRouter = router({
  user: procedure.query(() => ({ id: "7" })),
  double: procedure
    .input((value) => value as { n: number })
    .mutation(({ input }) => ({ n: input.n * 2 })),
});

const trpc = (req: Request): Promise<Response> =>
  fetchRequestHandler({ endpoint: "/trpc", req, router: trpcRouter });

const yoga = createYoga({
  logging: false,
  schema: createSchema({
    typeDefs: "type Query { user(id: ID): User } type User { id: ID }",
    resolvers: {
      Query: { user: (_: unknown, { id }: { id: string }) => ({ id }) },
    },
  }),
});

/** Of React Router, what its compiler makes of routes without components. */
const reactRouter = createRequestHandler({
  entry: {
    module: { default: () => new Response("no page", { status: 500 }) },
  },
  routes: {
    index: route("index", "/", { loader: () => new Response("hello") }),
    user: route("user", "users/:id", {
      loader: ({ params }: { params: { id: string } }) =>
        Response.json({ id: params.id }),
    }),
    double: route("double", "double", {
      action: async ({ request }: { request: Request }) =>
        Response.json({ n: (await request.json()).n * 2 }),
    }),
  },
  assets: {
    entry: { imports: [], module: "" },
    routes: {},
    url: "",
    version: "1",
  },
  publicPath: "/",
  assetsBuildDirectory: "",
  future: {},
  isSpaMode: false,
  ssr: true,
  prerender: [],
  routeDiscovery: { mode: "initial", manifestPath: "/__manifest" },
} as unknown as ServerBuild);

function route(id: string, path: string, module: object): object {
  return { id, path, module };
}

const query = encodeURIComponent('{ user(id: "7") { id } }');

/** Of Hono: streams, middleware, errors, cookies, and fields of all kinds. */
function large(): Hono {
  const app = new Hono();
  app.onError((error, c) =>
    error instanceof HTTPException
      ? error.getResponse()
      : c.text(error.message, 500),
  );
  app.use("/etag/*", etag());
  app.get("/etag/a", (c) => c.text("tagged"));
  app.use("/gzip", compress());
  app.get("/gzip", (c) => c.text("x".repeat(5000)));
  app.use("/cors", cors({ origin: "http://a" }));
  app.get("/cors", (c) => c.text("cors"));
  app.use("/secure", secureHeaders());
  app.get("/secure", (c) => c.html("<p>"));
  app.get("/cookies", (c) => {
    setCookie(c, "a", "1");
    setCookie(c, "b", "2", { httpOnly: true });
    return c.text(getCookie(c, "c") ?? "none");
  });
  app.get("/stream", (c) =>
    stream(c, async (out) => {
      for (const part of ["a", "b", "c"]) await out.write(part);
    }),
  );
  app.get("/text", (c) =>
    streamText(c, async (out) => {
      await out.writeln("line");
      await out.sleep(1);
      await out.writeln("line");
    }),
  );
  app.get("/events", (c) =>
    streamSSE(c, (out) => out.writeSSE({ data: "x", event: "tick", id: "1" })),
  );
  app.get("/bytes", (c) => c.body(new Uint8Array([1, 2, 3])));
  app.get("/blob", () => new Response(new Blob(["blob"], { type: "a/b" })));
  app.get("/nothing", (c) => c.body(null, 204));
  app.get("/null", () => new Response(null));
  app.get("/empty", () => new Response(""));
  app.get("/redirect", (c) => c.redirect("/elsewhere", 307));
  app.get("/teapot", () => {
    throw new HTTPException(418, { message: "a teapot" });
  });
  app.get("/throws", () => {
    throw new Error("thrown");
  });
  app.get("/reason", () => new Response("x", { statusText: "Quite fine" }));
  app.get(
    "/length",
    () => new Response("abc", { headers: { "content-length": "3" } }),
  );
  app.get("/hop", () => new Response("x", { headers: { "x-kept": "1" } }));
  app.get("/latin", (c) => c.text("x", 200, { "x-name": "Zoë" }));
  app.get("/headers", (c) =>
    c.json({
      a: c.req.header("x-a"),
      all: Object.keys(c.req.header()).includes("x-b"),
    }),
  );
  app.get("/query", (c) =>
    c.json({
      url: new URL(c.req.url).search,
      q: c.req.query("q"),
      all: c.req.queries("q"),
    }),
  );
  app.get(
    "/after",
    async (c, next) => {
      await next();
      c.res.headers.append("x-after", "1");
      c.res = new Response(c.res.body, c.res);
    },
    (c) => c.text("after", 202, { "x-b": "1" }),
  );
  app.post("/form", async (c) => c.json(await c.req.parseBody()));
  app.post("/echo", async (c) =>
    c.body(await c.req.arrayBuffer(), 200, {
      "content-type": c.req.header("content-type") ?? "a/b",
    }),
  );
  app.post("/pipe", (c) => new Response(c.req.raw.body));
  app.post("/json", async (c) => {
    try {
      return c.json(await c.req.json());
    } catch {
      return c.text("no JSON", 400);
    }
  });
  app.all("/method", (c) => c.text(c.req.method));
  app.route("/sub", small());
  app.mount("/mounted", small().fetch);
  return app;
}

const GETS = [
  "/etag/a",
  "/gzip",
  "/cors",
  "/secure",
  "/cookies",
  "/text",
  "/events",
  "/blob",
  "/null",
  "/empty",
  "/length",
  "/hop",
  "/latin",
  "/headers",
  "/query?q=a%20b&q=%26",
  "/sub/users/9",
  "/mounted/users/9",
];

const form = new FormData();
form.set("a", "b");

const LARGE: Question[] = [
  { path: "/stream", status: 200, answer: /^abc$/, ours: "content-type" },
  { path: "/bytes", status: 200, ours: "content-type" },
  { path: "/reason", status: 200, answer: /^x$/, ours: "reason" },
  ...GETS.map((path) => ({ path, status: 200 })),
  { path: "/gzip", headers: { "accept-encoding": "gzip" }, status: 200 },
  { path: "/etag/a", headers: { "if-none-match": '"*"' }, status: 200 },
  {
    path: "/cors",
    method: "OPTIONS",
    headers: { origin: "http://a", "access-control-request-method": "PUT" },
    status: 204,
  },
  { path: "/cookies", headers: { cookie: "c=3" }, status: 200, answer: /^3$/ },
  {
    path: "/headers",
    headers: { "x-a": "1", "x-b": "2" },
    status: 200,
    answer: /^\{"a":"1","all":true\}$/,
  },
  { path: "/nothing", status: 204 },
  { path: "/redirect", status: 307 },
  { path: "/teapot", status: 418, answer: /^a teapot$/ },
  { path: "/throws", status: 500, answer: /^thrown$/ },
  { path: "/after", status: 202, answer: /^after$/ },
  {
    path: "/form",
    method: "POST",
    body: new URLSearchParams({ a: "b", c: "d" }),
    status: 200,
    answer: /"c":"d"/,
  },
  { path: "/form", method: "POST", body: form, status: 200, answer: /"a":"b"/ },
  { path: "/echo", method: "POST", body: new Uint8Array(70_000), status: 200 },
  {
    path: "/pipe",
    method: "POST",
    body: "x".repeat(200_000),
    status: 200,
    ours: "content-type",
  },
  { path: "/json", ...order, status: 200 },
  { path: "/json", method: "POST", body: "{", status: 400 },
  { path: "/json", method: "POST", status: 400 },
  ...["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"].map((method) => ({
    path: "/method",
    method,
    status: 200,
  })),
  { path: "/text", method: "HEAD", status: 200 },
];

export const FRAMEWORKS: readonly Framework[] = [
  { name: "Hono", app: small(), questions: SMALL },
  { name: "Hono, all of it", app: large(), questions: LARGE },
  { name: "itty-router", app: itty, questions: SMALL },
  { name: "h3", app: h3, questions: SMALL },
  { name: "React Router", app: reactRouter, questions: SMALL.slice(0, 3) },
  {
    name: "tRPC",
    app: trpc,
    questions: [
      { path: "/trpc/user", status: 200, answer: /"id":"7"/ },
      { path: "/trpc/double", ...order, status: 200, answer: /"n":4/ },
      { path: "/trpc/missing", status: 404 },
    ],
  },
  {
    name: "graphql-yoga",
    app: yoga,
    questions: [
      { path: `/graphql?query=${query}`, status: 200, answer: /"id":"7"/ },
      {
        path: "/graphql",
        ...order,
        body: JSON.stringify({ query: '{ user(id: "8") { id } }' }),
        status: 200,
        answer: /"id":"8"/,
      },
      { path: "/missing", status: 404 },
    ],
  },
];
