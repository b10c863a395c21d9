import { METHODS } from "node:http";
import { expect } from "chai";
import { Loop, UsageError, type Handler } from "../../../lib/index.ts";
import { itOnUws } from "../../support/native.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

/** Answers with its name and what it was asked for. */
const named =
  (name: string): Handler =>
  ({ method, mountPath, path, params }) => ({
    headers: { "x-by": `${name}: ${method} ${mountPath}|${path}` },
    body: JSON.stringify(params),
  });

/** Who answers a request to `setup`, or with which status nobody does. */
async function answer(
  setup: (loop: Loop) => unknown,
  [method, url]: [method: string, url: string],
): Promise<string> {
  const server = await serveWith(setup);
  const client = await RawClient.connect(server.port);
  client.request(`${method} ${url}`);
  await client.until(/\r\n\r\n/);
  client.abort();
  const [, status] = /^HTTP\/1.1 (\d+)/.exec(client.received)!;
  const [, by] = /^x-by: (.*)\r$/m.exec(client.received) ?? [];
  const [, allow] = /^allow: (.*)\r$/im.exec(client.received) ?? [];
  return by ?? `${status}${allow === undefined ? "" : ` ${allow}`}`;
}

type Row = [method: string, url: string, answer: string];

function answers(
  title: string,
  setup: (loop: Loop) => unknown,
  rows: Row[],
): void {
  describe(title, () => {
    for (const [method, url, expected] of rows) {
      const test = METHODS.includes(method) ? it : itOnUws; // node:http refuses all others
      test(`${method} ${url} → ${expected}`, async () => {
        expect(await answer(setup, [method, url])).to.equal(expected);
      });
    }
  });
}

describe("The router", () => {
  answers(
    "finds mounts",
    (loop) =>
      loop
        .mount(named("root"))
        .mount("/api", named("api"))
        .mount("/api/v2/", named("v2"))
        .mount("/a%20b", named("escaped")),
    [
      ["GET", "/", "root: GET |/"],
      ["GET", "/other/path", "root: GET |/other/path"],
      ["GET", "/api", "api: GET /api|"],
      ["GET", "/api/", "api: GET /api|/"],
      ["GET", "/api?x", "api: GET /api|"],
      ["GET", "/api/v1/x", "api: GET /api|/v1/x"],
      ["GET", "/api/v2", "v2: GET /api/v2|"],
      ["GET", "/api/v2/x//y/", "v2: GET /api/v2|/x//y/"],
      ["GET", "/api/v20", "api: GET /api|/v20"],
      ["GET", "/apix", "root: GET |/apix"],
      ["GET", "/apix/v2", "root: GET |/apix/v2"],
      ["GET", "/API", "root: GET |/API"],
      ["GET", "//api", "root: GET |//api"],
      ["GET", "/a%20b/c", "escaped: GET /a%20b|/c"],
      ["HEAD", "/api/x", "api: HEAD /api|/x"],
      ["POST", "/api/x", "api: POST /api|/x"],
      ["DELETE", "/", "root: DELETE |/"],
      ["OPTIONS", "/api", "api: OPTIONS /api|"],
      ["PROPFIND", "/api/x", "api: PROPFIND /api|/x"],
      ["get", "/api/x", "api: get /api|/x"],
    ],
  );

  answers(
    "without a mount at the root",
    (loop) => loop.mount("/api", named("api")),
    [
      ["GET", "/api/x", "api: GET /api|/x"],
      ["GET", "/", "404"],
      ["GET", "/apix", "404"],
      ["POST", "/other", "404"],
      ["PROPFIND", "/other", "404"],
    ],
  );

  answers(
    "prefers the more specific route",
    (loop) =>
      loop
        .get("/*", named("rest"))
        .get("/users/*", named("wild"))
        .get("/users/:id", named("parameter"))
        .get("/users/me", named("static"))
        .get("/users/:id/posts/:post", named("two"))
        .get("/users/me/*", named("below")),
    [
      ["GET", "/", "rest: GET |/"],
      ["GET", "/x/y/z", "rest: GET |/x/y/z"],
      ["GET", "/users/me", "static: GET |/users/me"],
      ["GET", "/users/5", "parameter: GET |/users/5"],
      ["GET", "/users/mex", "parameter: GET |/users/mex"],
      ["GET", "/users/5/posts/6", "two: GET |/users/5/posts/6"],
      ["GET", "/users/5/other", "wild: GET |/users/5/other"],
      ["GET", "/users/me/x", "below: GET |/users/me/x"],
    ],
  );

  answers(
    "prefers a route to a mount with the same pattern, else the more specific of the two",
    (loop) =>
      loop
        .mount(named("root"))
        .mount("/api", named("mount"))
        .get("/api", named("route"))
        .get("/api/*", named("wild"))
        .post("/api/:x", named("parameter"))
        .mount("/api/deep", named("deep"))
        .put("/*", named("rest")),
    [
      ["GET", "/api", "route: GET |/api"],
      ["HEAD", "/api", "route: HEAD |/api"],
      ["POST", "/api", "mount: POST /api|"],
      ["GET", "/api/x", "wild: GET |/api/x"],
      ["POST", "/api/x", "parameter: POST |/api/x"],
      ["POST", "/api/x/y", "mount: POST /api|/x/y"],
      ["PROPFIND", "/api/x", "mount: PROPFIND /api|/x"],
      ["PUT", "/api/x", "mount: PUT /api|/x"],
      ["PUT", "/x", "rest: PUT |/x"],
      ["GET", "/api/deep", "deep: GET /api/deep|"],
      ["POST", "/api/deep/x", "deep: POST /api/deep|/x"],
      ["DELETE", "/", "root: DELETE |/"],
    ],
  );

  answers(
    "tells methods apart",
    (loop) =>
      loop
        .get("/x", named("get"))
        .post("/x", named("post"))
        .put("/x", named("put"))
        .patch("/x", named("patch"))
        .delete("/x", named("delete"))
        .options("/x", named("options"))
        .get("/headed", named("get"))
        .head("/headed", named("head"))
        .any("/any", named("any"))
        .get("/any", named("get"))
        .get("/p/:id", named("get"))
        .any("/p/:name", named("any")),
    [
      ["GET", "/x", "get: GET |/x"],
      ["HEAD", "/x", "get: HEAD |/x"],
      ["POST", "/x", "post: POST |/x"],
      ["PUT", "/x", "put: PUT |/x"],
      ["PATCH", "/x", "patch: PATCH |/x"],
      ["DELETE", "/x", "delete: DELETE |/x"],
      ["OPTIONS", "/x", "options: OPTIONS |/x"],
      ["HEAD", "/headed", "head: HEAD |/headed"],
      ["GET", "/headed", "get: GET |/headed"],
      ["GET", "/any", "get: GET |/any"],
      ["HEAD", "/any", "get: HEAD |/any"],
      ["POST", "/any", "any: POST |/any"],
      ["PROPFIND", "/any", "any: PROPFIND |/any"],
      ["GET", "/p/5", "get: GET |/p/5"],
      ["POST", "/p/5", "any: POST |/p/5"],
    ],
  );

  answers(
    "refuses what is not there",
    (loop) =>
      loop
        .get("/users/:id", named("get"))
        .put("/users/:id", named("put"))
        .delete("/users/me", named("delete"))
        .post("/users/*", named("post"))
        .patch("/a/:x/c", named("patch"))
        .head("/head", named("head")),
    [
      ["GET", "/", "404"],
      ["GET", "/users", "404"],
      ["GET", "/users/", "405 POST"],
      ["GET", "/a/b", "404"],
      ["PATCH", "/a/b/c/d", "404"],
      ["PROPFIND", "/nowhere", "404"],
      ["OPTIONS", "/users/5", "405 GET, HEAD, POST, PUT"],
      ["PROPFIND", "/users/5", "405 GET, HEAD, POST, PUT"],
      ["OPTIONS", "/users/me", "405 GET, HEAD, POST, PUT, DELETE"],
      ["GET", "/users/5/x", "405 POST"],
      ["GET", "/a/b/c", "405 PATCH"],
      ["GET", "/head", "405 HEAD"],
      ["get", "/users/5", "405 GET, HEAD, POST, PUT"],
    ],
  );

  answers(
    "matches letters beyond ASCII as a browser sends them",
    (loop) =>
      loop
        .get("/café/:größe", named("route"))
        .get("/☕", named("plain"))
        .mount("/größe", named("mount")),
    [
      ["GET", "/caf%C3%A9/l", "route: GET |/caf%C3%A9/l"],
      ["GET", "/%E2%98%95", "plain: GET |/%E2%98%95"],
      ["GET", "/gr%C3%B6%C3%9Fe/x", "mount: GET /gr%C3%B6%C3%9Fe|/x"],
      ["GET", "/cafe/l", "404"],
    ],
  );

  answers(
    "looks further where the more specific way leads nowhere",
    (loop) =>
      loop
        .get("/a/b/c", named("text"))
        .get("/a/:x/d", named("parameter"))
        .get("/:x/b/e", named("first"))
        .get("/a/*", named("rest")),
    [
      ["GET", "/a/b/c", "text: GET |/a/b/c"],
      ["GET", "/a/b/d", "parameter: GET |/a/b/d"],
      ["GET", "/a/b/e", "rest: GET |/a/b/e"],
      ["GET", "/z/b/e", "first: GET |/z/b/e"],
    ],
  );

  it("passes the parameters on by name, from whichever pattern matched", async () => {
    const server = await serveWith((loop) =>
      loop
        .get("/:a/x/:b", named("ab"))
        .post("/:c/x/:d", named("cd"))
        .get("/files/:dir/*", named("files")),
    );
    const get = async (method: string, path: string): Promise<unknown> =>
      (await fetch(server.url + path, { method })).json();
    expect(await get("GET", "/1/x/2")).to.deep.equal({ a: "1", b: "2" });
    expect(await get("POST", "/1/x/2")).to.deep.equal({ c: "1", d: "2" });
    expect(await get("GET", "/files/a/b/c")).to.deep.equal({ dir: "a" });
  });

  it("says in words what a 404 and a 405 are", async () => {
    const server = await serveWith((loop) => loop.get("/x", named("x")));
    expect(await (await fetch(server.url)).text()).to.equal(
      "nothing is here\n",
    );
    const refused = await fetch(`${server.url}/x`, { method: "POST" });
    expect(await refused.text()).to.equal("use GET, HEAD here\n");
  });
});

describe("A loop refuses", () => {
  const hello = named("hello");
  const wrong: [
    title: string,
    setup: (loop: Loop) => unknown,
    message: RegExp,
  ][] = [
    [
      "a prefix without a slash",
      (loop) => loop.mount("api", hello),
      /^a mount's prefix is a path such as "\/api", not "api"$/,
    ],
    ["an empty prefix", (loop) => loop.mount("", hello), /prefix is a path/],
    [
      "a parameter in a prefix",
      (loop) => loop.mount("/:a", hello),
      /prefix is/,
    ],
    [
      "a wildcard in a prefix",
      (loop) => loop.mount("/a/*", hello),
      /prefix is/,
    ],
    ["a query in a prefix", (loop) => loop.mount("/a?b", hello), /prefix is/],
    ["a space in a prefix", (loop) => loop.mount("/a b", hello), /prefix is/],
    [
      "a space in a pattern",
      (loop) => loop.get("/a b/*", hello),
      /^a pattern is/,
    ],
    [
      "the same prefix twice",
      (loop) => loop.mount("/a", hello).mount("/a", hello),
      /^something is mounted at "\/a" already$/,
    ],
    [
      "the same prefix with a slash",
      (loop) => loop.mount("/a", hello).mount("/a/", hello),
      /^something is mounted at "\/a\/" already$/,
    ],
    [
      "two mounts at the root",
      (loop) => loop.mount(hello).mount("/", hello),
      /^something is mounted at "\/" already$/,
    ],
    [
      "a pattern without a slash",
      (loop) => loop.get("a", hello),
      /^a pattern is a path such as .*, not "a"$/,
    ],
    ["an empty pattern", (loop) => loop.get("", hello), /^a pattern is a path/],
    [
      "a wildcard in the middle",
      (loop) => loop.get("/*/a", hello),
      /^a pattern is/,
    ],
    [
      "a wildcard in a segment",
      (loop) => loop.get("/a*", hello),
      /^a pattern is/,
    ],
    [
      "a query in a pattern",
      (loop) => loop.get("/a?b", hello),
      /^a pattern is/,
    ],
    [
      "the same route twice",
      (loop) => loop.get("/a", hello).get("/a", hello),
      /^GET \/a has a route already$/,
    ],
    [
      "the same route for all methods twice",
      (loop) => loop.any("/a", hello).any("/a", hello),
      /^ANY \/a has a route already$/,
    ],
    [
      "two routes that differ in a parameter's name",
      (loop) => loop.get("/:a", hello).get("/:b", hello),
      /has a route already/,
    ],
    [
      "a parameter without a name",
      (loop) => loop.get("/a/:", hello),
      /^a pattern is/,
    ],
    [
      "the same parameter twice",
      (loop) => loop.get("/:a/:a", hello),
      /^a pattern is/,
    ],
    ...[
      String.raw`/:id(\d+)`,
      "/:id{[0-9]+}",
      "/:id+",
      "/:a-:b",
      "/users/{id}",
      "/users/[id]",
      "/:id?",
      "/{*rest}",
      "/:id.json",
      "/:id<int>",
      "/:a~b",
      "/(a|b)",
    ].map((pattern): (typeof wrong)[number] => [
      `the pattern ${pattern} of other routers`,
      (loop) => loop.get(pattern, hello),
      /^a pattern is a path such as/,
    ]),
    [
      "mount(application, prefix), the other way round",
      (loop) => loop.mount(hello, "/a" as never),
      /^mount\(\) takes a prefix, which may be missing, an application and options, in this order$/,
    ],
    [
      "mount(application, options) with an option that is none",
      (loop) => loop.mount(hello, { maxBodyByte: 1 } as never),
      /no option "maxBodyByte"/,
    ],
    [
      "mount(application) with more behind its options",
      (loop) =>
        (loop.mount as (...all: unknown[]) => void).call(loop, hello, {}, {}),
      /^mount\(\) takes/,
    ],
    [
      "two middlewares at once",
      (loop) =>
        (loop.use as (...all: unknown[]) => void).call(loop, hello, hello),
      /^use\(\) takes .* one middleware: call it once for each$/,
    ],
    [
      "the prefix /{tenant} of other routers",
      (loop) => loop.mount("/{tenant}", hello),
      /prefix is a path/,
    ],
  ];
  for (const [title, setup, message] of wrong)
    it(title, () => {
      const loop = new Loop({ log: false });
      expect(() => setup(loop)).to.throw(UsageError, message);
    });

  it("heeds the options of an application that is mounted without a prefix", async () => {
    const loop = new Loop({ log: false });
    loop.mount((request) => request.text(), { maxBodyBytes: 2 });
    const post = async (body: string): Promise<number> =>
      (await loop.fetch("http://here/", { method: "POST", body })).status;
    expect([await post("ab"), await post("abc")]).to.deep.equal([200, 413]);
    await loop.close();
  });

  it("mounts and routes once it listens, and when it is closed", async () => {
    const server = await serveWith((loop) => loop.mount(hello));
    for (let round = 0; round < 2; round++) {
      expect(() => server.loop.mount("/a", hello)).to.throw(
        UsageError,
        "mount applications before listen()",
      );
      expect(() => server.loop.get("/a", hello)).to.throw(
        UsageError,
        "mount applications before listen()",
      );
      await server.end();
    }
  });
});
