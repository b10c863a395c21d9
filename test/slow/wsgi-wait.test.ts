import { expect } from "chai";
import { suspend, type Operation } from "effection";
import type { ThreadedApp } from "../../adapters/wsgi.ts";
import { HttpError } from "../../lib/index.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { threaded } from "../support/threads.ts";

/** Threads have to start, on a machine that may be busy. */
const PATIENCE_MS = 30_000;

const serve = (
  name: string,
  provide: ThreadedApp["provide"] = {},
): Promise<TestServer> =>
  serveWith(
    (loop) =>
      loop
        .mount(threaded("blocking", name, { provide }))
        .get("/other", () => "here"),
    { accessLog: true },
  );

/** What the application `calls` answers that calls `name` with `args`. */
async function called(
  provide: ThreadedApp["provide"],
  ...call: unknown[]
): Promise<unknown> {
  const { url } = await serve("calls", provide);
  const query = encodeURIComponent(JSON.stringify(call));
  return await (await fetch(`${url}?${query}`)).json();
}

class NotReadyError extends Error {
  override name = "NotReadyError";
  code = "E_NOT_READY";
}

describe("wait", function () {
  this.timeout(PATIENCE_MS);

  it("sleeps", async () => {
    const { url } = await serve("sleep");
    expect(await (await fetch(url)).json()).to.equal(null);
  });

  it("fetches from another mount of the same loop", async () => {
    const { url } = await serveWith((loop) =>
      loop
        .mount("/app", threaded("blocking", "fetches"))
        .get("/data", async () => ({
          status: 201,
          headers: { "content-type": "application/json" },
          body: '{"a":[1]}',
        })),
    );
    const response = await fetch(`${url}/app?${url}/data`);
    expect(await response.json()).to.deep.equal({
      status: 201,
      ok: true,
      type: "application/json",
      json: { a: [1] },
    });
  });

  it("posts", async () => {
    const { url } = await serveWith((loop) =>
      loop
        .mount("/app", threaded("blocking", "posts"))
        .post("/data", async (request) => `got ${await request.text()}`),
    );
    expect(await (await fetch(`${url}/app?${url}/data`)).json()).to.equal(
      "got sent",
    );
  });

  it("calls a function of the mount", async () => {
    const add = (a: number, b: number): number => a + b;
    expect(await called({ add }, "add", 1, 2)).to.equal(3);
  });

  it("calls an async function of the mount", async () => {
    const lookUp = async (key: { a: string }): Promise<string[]> => [key.a];
    const found = await called({ lookUp }, "lookUp", { a: "b" });
    expect(found).to.deep.equal(["b"]);
  });

  it("calls a function of the mount that gives a promise of another kind", async () => {
    const query = () => ({
      then: (resolve: (rows: number[]) => void) => resolve([1, 2]), // oxlint-disable-line no-thenable
      limit() {},
    });
    expect(await called({ query }, "query")).to.deep.equal([1, 2]);
  });

  it("calls an operation of the mount", async () => {
    function* doubled(n: number): Operation<number> {
      return 2 * n;
    }
    expect(await called({ doubled }, "doubled", 4)).to.equal(8);
  });

  it("calls a function of the mount that gives a String object", async () => {
    expect(await called({ give: () => new String("a") }, "give")).to.equal("a"); // oxlint-disable-line no-new-wrappers
  });

  for (const given of [
    new FormData(),
    new Headers({ a: "b" }),
    new URLSearchParams("a=b"),
    new (class Rows {
      *[Symbol.iterator]() {}
    })(),
  ])
    it(`throws when it would lose what is in an object of class ${given.constructor.name}`, async () => {
      const { url } = await serve("catches", { give: () => given });
      const error = await (await fetch(`${url}?give`)).json();
      expect((error as Error).message).to.match(
        RegExp(`"give".* of class ${given.constructor.name}, .* plain data`),
      );
    });

  it("waits for many at once", async () => {
    let running = 0;
    const waiting: (() => void)[] = [];
    const double = async (n: number): Promise<number> => {
      running++;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (running === 2) for (const go of waiting) go(); // which it never is one after the other
      });
      return 2 * n;
    };
    const { url } = await serve("callsMany", { double });
    expect(await (await fetch(url)).json()).to.deep.equal([2, 4, null]);
  });

  it("throws what the function throws, with its name, message, stack and code", async () => {
    const { url } = await serve("catches", {
      fail: async () => {
        throw new NotReadyError("come back later");
      },
    });
    const response = await fetch(`${url}?fail`);
    const error = (await response.json()) as { stack: string };
    expect(error).to.include({
      name: "NotReadyError",
      message: "come back later",
      code: "E_NOT_READY",
      isError: true,
    });
    expect(error.stack).to.match(
      /^NotReadyError: come back later\n.*wait\.test/,
    );
  });

  it("passes an error on as it is when the application does not handle it", async () => {
    const { url } = await serve("calls", {
      refuse: () => {
        throw new HttpError(402, "pay first", { headers: { "x-price": "5" } });
      },
    });
    const response = await fetch(`${url}?["refuse"]`);
    expect(response.status).to.equal(402);
    expect(response.headers.get("x-price")).to.equal("5");
    expect(await response.text()).to.equal("pay first\n");
  });

  it("knows an error that the application has kept by what it says", async () => {
    const server = await serve("throwsWhatItKept", {
      fail: () => {
        throw new HttpError(402, "pay first");
      },
    });
    for (const _ of [1, 2]) {
      const response = await fetch(server.url);
      expect(response.status).to.equal(402);
      expect(await response.text()).to.equal("pay first\n");
    }
  });

  it("throws an error also when the function rejects without one", async () => {
    const { url } = await serve("catches", { give: () => Promise.reject() }); // oxlint-disable-line prefer-promise-reject-errors
    const error = await (await fetch(`${url}?give`)).json();
    expect(error).to.include({ name: "Error", message: "thrown: undefined" });
  });

  it("says what it takes when it is given a promise", async () => {
    const server = await serve("waitsForPromise");
    server.expectLog(/wait\(\) takes what .* give, not Promise \{ 1 \}/);
    expect((await fetch(server.url)).status).to.equal(500);
  });

  it("says what there is when there is nothing of that name", async () => {
    const server = await serve("callsAnother", { query: () => 1 });
    server.expectLog(/wait\.call\("nothing"\): the mount provides query; add/);
    expect((await fetch(server.url)).status).to.equal(500);
  });

  it("throws when the result cannot cross", async () => {
    const { url } = await serve("catches", { give: () => () => 1 });
    const error = await (await fetch(`${url}?give`)).json();
    expect(error).to.include({ name: "DataCloneError" });
  });

  it("halts the operation when the client leaves, and throws ClientAbortedError", async () => {
    let halted = 0;
    let enter!: () => void;
    const entered = new Promise<void>((resolve) => (enter = resolve));
    function* forever(): Operation<void> {
      try {
        enter();
        yield* suspend();
      } finally {
        halted++;
      }
    }
    const server = await serve("waits", { forever });
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await entered;
    client.abort();
    await server.logged(({ msg }) => msg === "threw ClientAbortedError");
    await server.logged(({ outcome }) => outcome === "abort");
    expect(halted).to.equal(1);
  });

  it("throws HaltedError when the request is halted", async () => {
    const server = await serve("waits", {
      forever: () => new Promise(() => {}),
    });
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    const { requestId } = await server.logged(({ msg }) => msg === "begun");
    server.loop.halt(requestId as string);
    await server.logged(({ msg }) => msg === "threw HaltedError");
    await client.until(/^HTTP\/1.1 503 /);
  });
});
