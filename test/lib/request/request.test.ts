import { expect } from "chai";
import { until } from "eddy/operations";
import { sleep } from "effection";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import {
  ClientAbortedError,
  json,
  type GatewayRequest,
  type Handler,
} from "../../../lib/index.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

type Read = (request: GatewayRequest) => unknown;

/** The same reading in every kind of handler, before and after the engine has forgotten the request. */
const HANDLERS: Record<string, (read: Read) => Handler> = {
  "in a plain handler": (read) => (request) => json(read(request)),
  "in an async handler": (read) => async (request) => json(read(request)),
  "after an await": (read) => async (request) => {
    await setImmediate();
    return json(read(request));
  },
  "in an operation": (read) =>
    function* (request) {
      yield* sleep(0);
      return json(read(request));
    },
  "after a single wait": (read) => (request) =>
    until(setImmediate().then(() => json(read(request)))),
};

interface Asked extends RequestInit {
  /** Where the handler is; by default it sees every path. */
  route?: string;
  url?: string;
}

/** What `read` finds, in each kind of handler. */
function inEveryHandler(
  title: string,
  read: Read,
  expected: unknown,
  { route = "/*", url = "/", ...init }: Asked = {},
): void {
  for (const [where, handler] of Object.entries(HANDLERS))
    it(`${title}, ${where}`, async () => {
      const server = await serveWith((loop) => loop.any(route, handler(read)));
      const response = await fetch(server.url + url, init);
      expect(await response.json()).to.deep.equal(expected);
    });
}

describe("A request", () => {
  inEveryHandler(
    "shows what was asked for",
    ({ method, mountPath, path, queryString, query, scheme }) => {
      return [method, mountPath, path, queryString, [...query], scheme];
    },
    [
      "DELETE",
      "",
      "/a%20b/c%2fd/",
      "x=1&y=%C3%A9+z&x=%zz",
      Object.entries({ x: "1", y: "é z" }).concat([["x", "%zz"]]),
      "http",
    ],
    { method: "DELETE", url: "/a%20b/c%2fd/?x=1&y=%C3%A9+z&x=%zz" },
  );

  const splits: [mount: string, url: string, split: [string, string]][] = [
    ["/", "/", ["", "/"]],
    ["/", "/a/b", ["", "/a/b"]],
    ["/a", "/a", ["/a", ""]],
    ["/a", "/a?b=c", ["/a", ""]],
    ["/a", "/a/", ["/a", "/"]],
    ["/a/", "/a/b", ["/a", "/b"]],
    ["/a/b", "/a/b//c%2f", ["/a/b", "//c%2f"]],
  ];
  for (const [mount, url, split] of splits)
    it(`for ${url} is split at the mount at ${mount}`, async () => {
      const server = await serveWith((loop) =>
        loop.mount(mount, ({ mountPath, path }) => json([mountPath, path])),
      );
      const response = await fetch(server.url + url);
      expect(await response.json()).to.deep.equal(split);
    });

  inEveryHandler(
    "shows headers and cookies",
    ({ headers, cookies }) => [headers.get("X-Test"), cookies],
    ["1, 2", { a: "1", b: "é", c: "%FF" }],
    { headers: { "x-test": "1, 2", cookie: "a=1; b=%C3%A9; c=%FF; a=2" } },
  );

  inEveryHandler(
    "without query and cookies has empty ones",
    ({ queryString, query, cookies }) => [queryString, query.size, cookies],
    ["", 0, {}],
  );

  inEveryHandler(
    "knows the client's address",
    ({ remoteAddress }) => remoteAddress,
    "127.0.0.1",
  );

  const posts: [title: string, fields: string[], body: string, has: boolean][] =
    [
      ["no body where none is announced", [], "", false],
      ["no body where it is empty", ["content-length: 0"], "", false],
      ["a body where its length is", ["content-length: 1"], "x", true],
      [
        "a body where it is chunked",
        ["transfer-encoding: chunked"],
        "1\r\nx\r\n0\r\n\r\n",
        true,
      ],
    ];
  for (const [title, fields, body, has] of posts)
    for (const [where, handler] of Object.entries(HANDLERS))
      it(`has ${title}, ${where}`, async () => {
        const server = await serveWith((loop) =>
          loop.mount(handler(({ hasBody }) => hasBody)),
        );
        const client = await RawClient.connect(server.port);
        client.request("POST /", fields, body);
        await client.until(new RegExp(`\r\n\r\n${has}$`));
        client.abort();
      });

  it("has an id of its own, which its log lines carry", async () => {
    const server = await serveWith((loop) =>
      loop.mount(async (request) => {
        request.log.info("hello");
        await setImmediate();
        return request.id;
      }),
    );
    const get = async (): Promise<string> => (await fetch(server.url)).text();
    const ids = await Promise.all(Array.from({ length: 20 }, get));
    expect(new Set(ids).size).to.equal(20);
    const lines = server.log.filter(({ msg }) => msg === "hello");
    expect(lines.map((line) => line["requestId"])).to.have.members(ids);
  });
});

describe("What a request says", () => {
  const seen = (request: GatewayRequest): unknown => ({
    path: request.path,
    mountPath: request.mountPath,
    query: request.query.get("q"),
    queryString: request.queryString,
    params: { ...request.params },
  });
  const expected = {
    path: "/users/5/x",
    mountPath: "",
    query: "a b",
    queryString: "q=a%20b",
    params: { id: "5" },
  };

  for (const [kind, handler] of Object.entries<Handler>({
    "a plain handler": () => "x",
    "an async handler": async () => "x",
    "one that waits": async () => {
      await setImmediate();
      return "x";
    },
  }))
    it(`may be read after the reply, and by the access log's function: ${kind}`, async () => {
      const requests: GatewayRequest[] = [];
      const logged: unknown[] = [];
      const server = await serveWith(
        (loop) =>
          loop.get("/users/:id/*", (request) => {
            requests.push(request);
            return handler(request);
          }),
        { accessLog: ({ request }) => void logged.push(seen(request)) },
      );
      const response = await fetch(`${server.url}/users/5/x?q=a%20b`);
      expect(await response.text()).to.equal("x");
      await setImmediate();
      expect(requests.map(seen)).to.deep.equal([expected]);
      expect(logged).to.deep.equal([expected]);
    });
});

describe("The parameters of a request", () => {
  const values: [url: string, params: unknown][] = [
    ["/users/5/posts/6", { id: "5", post: "6" }],
    ["/users/a%20b/posts/%C3%A9", { id: "a b", post: "é" }],
    ["/users/a%2Fb/posts/a+b", { id: "a/b", post: "a+b" }],
    ["/users/%2525/posts/%00", { id: "%25", post: "\0" }],
  ];
  for (const [url, params] of values)
    inEveryHandler(`are decoded: ${url}`, (request) => request.params, params, {
      url,
      route: "/users/:id/posts/:post",
    });

  inEveryHandler("are empty where there are none", ({ params }) => params, {});

  for (const [where, handler] of Object.entries(HANDLERS))
    it(`are refused where they are no UTF-8, ${where}`, async () => {
      const server = await serveWith((loop) =>
        loop.get(
          "/:id",
          handler(({ params }) => params),
        ),
      );
      const response = await fetch(`${server.url}/%FF`);
      expect(response.status).to.equal(400);
      expect(await response.text()).to.equal(
        "a percent-escape in the path is not valid UTF-8\n",
      );
    });
});

describe("A malformed percent-escape", () => {
  for (const path of ["/%", "/a%2", "/%zz", "/%g0/b", "/%%20", "/mount/%"])
    it(`is refused before any application sees it: ${path}`, async () => {
      let calls = 0;
      const count = (): string => `call ${++calls}`;
      const server = await serveWith((loop) =>
        loop.mount(count).mount("/mount", count).get("/:id", count),
      );
      const response = await fetch(server.url + path);
      expect(response.status).to.equal(400);
      expect(await response.text()).to.equal(
        "the path has a malformed percent-escape\n",
      );
      expect(calls).to.equal(0);
    });

  it("is refused where nothing is mounted, too", async () => {
    const server = await serveWith(() => {});
    expect((await fetch(`${server.url}/%`)).status).to.equal(400);
  });
});

describe("The signal of a request", () => {
  it("fires when the client leaves, and says so", async () => {
    const server = await serveWith((loop) =>
      loop.mount(async ({ signal, log }) => {
        log.info("waits");
        await once(signal, "abort");
        log.info({ err: signal.reason as Error }, "noticed");
        return "too late";
      }),
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await server.logged(({ msg }) => msg === "waits");
    client.abort();
    const { err } = await server.logged(({ msg }) => msg === "noticed");
    expect(err?.type).to.equal("ClientAbortedError");
  });

  it("has fired where it is first asked for after the client left", async () => {
    let request!: GatewayRequest;
    let release!: () => void;
    const server = await serveWith(
      (loop) =>
        loop.mount(async (seen) => {
          request = seen;
          seen.log.info("waits");
          await new Promise<void>((resolve) => (release = resolve));
          return "too late";
        }),
      { accessLog: true },
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await server.logged(({ msg }) => msg === "waits");
    client.abort();
    await server.logged((line) => line["outcome"] === "abort");
    release();
    expect(request.signal.aborted).to.equal(true);
    expect(request.signal.reason).to.be.instanceOf(ClientAbortedError);
  });

  it("never fires after a complete reply", async () => {
    let signal!: AbortSignal;
    const server = await serveWith((loop) =>
      loop.mount(async (request) => {
        signal = request.signal;
        await setImmediate();
        return "hello";
      }),
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await client.until(/hello$/);
    client.abort();
    await server.end();
    expect(signal.aborted).to.equal(false);
  });
});
