/** The id by which the lines of a request are found. */
import { expect } from "chai";
import { HttpError, stream, type LoopOptions } from "../../../lib/index.ts";
import { serveWith, type TestServer } from "../../support/server.ts";

const MADE = /^[0-9a-f]{8}-\d+$/;

async function serve(options: Omit<LoopOptions, "log">): Promise<TestServer> {
  return await serveWith(
    (loop) =>
      loop
        .get("/id", ({ id }) => id)
        .get("/log", ({ log }) => (log.info("in the app"), ""))
        .get("/none", () => null)
        .get("/stream", () => stream(["a", "b"]))
        .get("/own", () => ({ headers: { "X-Request-ID": "mine" } }))
        .get("/wrong", () => {
          throw new HttpError(409, "no");
        })
        .get("/broken", () => {
          throw new Error("broken");
        }),
    options,
  );
}

async function ask(
  server: TestServer,
  path: string,
  id?: string,
): Promise<{ text: string; id: string | null }> {
  const response = await fetch(
    server.url + path,
    id === undefined ? {} : { headers: { "x-request-id": id } },
  );
  return {
    text: await response.text(),
    id: response.headers.get("x-request-id"),
  };
}

describe("A request's id", () => {
  for (const id of [
    "x",
    "7b0d1c3e-6a52-4c53-9d5b-0a4b1f0e9c11",
    "Root=1:67891233@a_b~c+d.e",
    "a".repeat(128),
  ])
    it(`is what the client says: ${id}`, async () => {
      const server = await serve({});
      expect(await ask(server, "/id", id)).to.deep.equal({
        text: id,
        id: null,
      });
    });

  for (const id of [
    "",
    "a b",
    'a"b',
    "a/b",
    "a\u00e9b",
    "a\\nb",
    "a".repeat(129),
  ])
    it(`is made instead of ${JSON.stringify(id)}`, async () => {
      const server = await serve({});
      expect((await ask(server, "/id", id)).text).to.match(MADE);
    });

  it("is made when two are given", async () => {
    const server = await serve({});
    const headers = new Headers({ "x-request-id": "a" });
    headers.append("x-request-id", "b");
    const response = await fetch(`${server.url}/id`, { headers });
    expect(await response.text()).to.match(MADE);
  });

  it("is made for each request that says none, and is not sent back", async () => {
    const server = await serve({});
    const [one, other] = [await ask(server, "/id"), await ask(server, "/id")];
    expect(one.text).to.match(MADE).and.not.equal(other.text);
    expect(one.id).to.equal(null);
  });

  it("is nobody else's with generate", async () => {
    const server = await serve({ requestId: "generate" });
    expect((await ask(server, "/id", "theirs")).text).to.match(MADE);
  });

  for (const path of ["/id", "/none", "/stream", "/wrong", "/nowhere"])
    it(`is in the reply to ${path} with echo`, async () => {
      const server = await serve({ requestId: "echo" });
      expect((await ask(server, path, "theirs")).id).to.equal("theirs");
      expect((await ask(server, path)).id).to.match(MADE);
    });

  it("is the application's own in the reply, if it says one", async () => {
    const server = await serve({ requestId: "echo" });
    expect((await ask(server, "/own", "theirs")).id).to.equal("mine");
  });

  it("is in each line of the request", async () => {
    const server = await serve({ accessLog: true });
    server.expectLog(/GET \/broken failed/);
    await ask(server, "/log", "one");
    await ask(server, "/broken", "two");
    await server.end();
    const lines = (id: string): (string | undefined)[] =>
      server.log
        .filter(({ requestId }) => requestId === id)
        .map(({ msg }) => msg);
    expect(lines("one")).to.deep.equal(["in the app", "request"]);
    expect(lines("two")).to.deep.equal(["GET /broken failed", "request"]);
  });

  it("halts all requests that have it", async () => {
    const server = await serveWith((loop) =>
      loop.mount(() => new Promise(() => {})),
    );
    const asked = [1, 2].map(() =>
      fetch(server.url, { headers: { "x-request-id": "same" } }),
    );
    while (server.loop.tasks().exchanges.length < 2)
      await new Promise(setImmediate);
    expect(server.loop.halt("other")).to.equal(false);
    expect(server.loop.halt("same")).to.equal(true);
    for (const response of await Promise.all(asked))
      expect(response.status).to.equal(503);
  });
});
