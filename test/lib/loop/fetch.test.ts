import { expect } from "chai";
import { suspend } from "effection";
import type { Broker } from "../../../lib/brokers/broker.ts";
import {
  json,
  Loop,
  stream,
  UsageError,
  type GatewayRequest,
  type InjectedRequest,
  type ParamsOf,
} from "../../../lib/index.ts";

const told = async (request: GatewayRequest): Promise<object> => ({
  method: request.method,
  path: request.path,
  query: request.queryString,
  host: request.host,
  scheme: request.scheme,
  from: request.remoteAddress,
  headers: [...request.headers],
  body: await request.text(),
});

const echo = async (request: GatewayRequest) => json(await told(request));

/** A loop that ends with the test. */
async function withLoop(
  setup: (loop: Loop) => unknown,
  test: (loop: Loop) => Promise<void>,
): Promise<void> {
  const loop = new Loop({ log: false });
  setup(loop);
  try {
    await test(loop);
  } finally {
    const { tally } = await loop.close();
    const { accepted, ...outcomes } = tally;
    const ended = Object.values(outcomes).reduce((sum, n) => sum + n, 0);
    expect(accepted).to.equal(ended);
  }
}

describe("Loop.fetch", () => {
  it("answers by the path, without a socket", () =>
    withLoop(
      (loop) => loop.get("/users/:id", ({ params }) => json(params)),
      async (loop) => {
        const reply = await loop.fetch("/users/7");
        expect(reply.status).to.equal(200);
        expect(reply.headers.get("content-type")).to.equal("application/json");
        expect(await reply.json()).to.deep.equal({ id: "7" });
        expect((await loop.fetch("/nobody")).status).to.equal(404);
        expect(loop.ready).to.equal(false);
      },
    ));

  it("takes a URL, a Request, and what `fetch` takes beside them", () =>
    withLoop(
      (loop) => loop.mount(echo),
      async (loop) => {
        const post = { method: "POST", body: "für dich" };
        const request = new Request("https://a.example:8443/b?c=d", post);
        const { headers, ...rest } = await (await loop.fetch(request)).json();
        expect(rest).to.deep.equal({
          method: "POST",
          path: "/b",
          query: "c=d",
          host: "a.example:8443",
          scheme: "https",
          from: "127.0.0.1",
          body: "für dich",
        });
        expect(headers).to.deep.include(["transfer-encoding", "chunked"]);
        const reply = await loop.fetch(new URL("http://b.example/"), post);
        expect(await reply.json()).to.include({ host: "b.example" });
      },
    ));

  it("refuses a URL that is not for a loop", () =>
    withLoop(
      (loop) => loop.mount(echo),
      async (loop) => {
        const error = await loop.fetch("data:text/plain,a").catch(String);
        expect(error).to.match(/^UsageError: a loop answers http and https/);
      },
    ));

  it("has replies without a body, and all set-cookie fields", () =>
    withLoop(
      (loop) =>
        loop
          .get("/none", () => null)
          .get("/head", () => "four")
          .get("/cookies", () => ({ headers: { "set-cookie": ["a", "b"] } })),
      async (loop) => {
        const none = await loop.fetch("/none");
        expect([none.status, none.body]).to.deep.equal([204, null]);
        const head = await loop.fetch("/head", { method: "HEAD" });
        expect(head.headers.get("content-length")).to.equal("4");
        expect(await head.text()).to.equal("");
        const cookies = await loop.fetch("/cookies");
        expect(cookies.headers.getSetCookie()).to.deep.equal(["a", "b"]);
      },
    ));

  it("streams both ways, each at the other's pace", () => {
    let produced = 0;
    function* chunks() {
      for (; produced < 1000; produced++) yield Buffer.alloc(1024, 97);
    }
    return withLoop(
      (loop) =>
        loop
          .get("/down", () => stream(chunks()))
          .post("/up", async (request) => {
            let length = 0;
            for await (const piece of request.body) length += piece.length;
            return String(length);
          }),
      async (loop) => {
        const down = await loop.fetch("/down");
        const reader = down.body!.getReader();
        await reader.read();
        expect(produced).to.be.below(400);
        let length = 0;
        for (let next; !(next = await reader.read()).done;)
          length += next.value.length;
        expect(produced).to.equal(1000);
        expect(length).to.be.above(900 * 1024);
        const up = await loop.fetch("/up", {
          method: "POST",
          body: new Blob(["a".repeat(1_000_000)]).stream(),
          duplex: "half",
        } as RequestInit);
        expect(await up.text()).to.equal("1000000");
      },
    );
  });

  it("ends the exchange when its caller leaves: before the head, and in a body", () => {
    let ended = 0;
    return withLoop(
      (loop) =>
        loop
          .get("/never", function* () {
            try {
              yield* suspend();
              return "";
            } finally {
              ended++;
            }
          })
          .get("/long", () =>
            stream(
              (function* () {
                try {
                  for (;;) yield "more";
                } finally {
                  ended++;
                }
              })(),
            ),
          ),
      async (loop) => {
        const leaving = new AbortController();
        const reply = loop.fetch("/never", { signal: leaving.signal });
        await untilRunning(loop);
        leaving.abort();
        expect(await reply.catch((error: Error) => error.name)).to.equal(
          "AbortError",
        );
        const long = await loop.fetch("/long");
        await long.body!.cancel();
        await untilIdle(loop);
        expect(ended).to.equal(2);
        expect(loop.tally.abort).to.equal(2);
      },
    );
  });

  it("shows that a reply was cut off", () =>
    withLoop(
      (loop) =>
        loop.get("/broken", () =>
          stream(
            (async function* () {
              yield "some";
              throw new Error("for the log alone");
            })(),
          ),
        ),
      async (loop) => {
        const reply = await loop.fetch("/broken");
        expect(reply.status).to.equal(200);
        const error = await reply.text().catch(String);
        expect(error).to.match(/^TypeError: .*cut/);
        expect(error).to.not.include("for the log");
        expect(loop.tally.error).to.equal(1);
      },
    ));

  it("opens the applications once, and close() ends them", async () => {
    const seen: string[] = [];
    await withLoop(
      (loop) =>
        loop.mount({
          *open() {
            seen.push("open");
          },
          handle: () => "ok",
        }),
      async (loop) => {
        await Promise.all([loop.fetch("/"), loop.fetch("/")]);
        expect(seen).to.deep.equal(["open"]);
        expect(() => loop.get("/late", () => "")).to.throw(UsageError);
        await loop.close();
        const error = await loop.fetch("/").catch(String);
        expect(error).to.equal("UsageError: the loop is stopped");
      },
    );
  });

  it("opens nothing when the loop has been closed meanwhile", async () => {
    let opened = false;
    let connect!: () => void;
    const connecting = new Promise<void>((resolve) => (connect = resolve));
    const closed: string[] = [];
    const topics: Broker = {
      name: "a broker",
      async open() {
        await connecting;
        return {
          publish: () => undefined,
          subscribe() {},
          unsubscribe() {},
          close: async () => void closed.push("link"),
        };
      },
    };
    const loop = new Loop({ log: false, topics }).mount({
      *open() {
        opened = true;
      },
      handle: () => "ok",
    });
    const reply = loop.fetch("/").catch(String);
    await loop.close();
    connect();
    expect(await reply).to.match(/^UsageError: the loop was closed/);
    expect(opened).to.equal(false);
    expect(closed).to.deep.equal(["link"]);
  });

  it("says why an application does not open, and leaves the loop as it was", () => {
    let attempts = 0;
    return withLoop(
      (loop) =>
        loop.mount({
          *open() {
            if (++attempts === 1) throw new Error("no database");
          },
          handle: () => "ok",
        }),
      async (loop) => {
        expect(await loop.fetch("/").catch(String)).to.include("no database");
        expect(await (await loop.fetch("/")).text()).to.equal("ok");
      },
    );
  });
});

describe("Loop.inject", () => {
  const inject = async (request: InjectedRequest): Promise<unknown> => {
    const loop = new Loop({ log: false, trustProxy: ["10.0.0.0/8"] }).mount(
      echo,
    );
    try {
      const reply = await loop.inject(request);
      return reply.ok ? await reply.json() : reply.status;
    } finally {
      await loop.close();
    }
  };

  it("says what a Request cannot", async () => {
    const got = await inject({
      method: "PURGE",
      path: "/a/../b//c?%20",
      headers: { Host: "a.example", "x-two": ["1", "2"] },
      address: "192.0.2.1",
      scheme: "https",
    });
    expect(got).to.deep.equal({
      method: "PURGE",
      path: "/a/../b//c",
      query: "%20",
      host: "a.example",
      scheme: "https",
      from: "192.0.2.1",
      headers: [
        ["host", "a.example"],
        ["x-two", "1, 2"],
      ],
      body: "",
    });
  });

  it("comes through proxies as any other request", async () => {
    const headers = { "x-forwarded-for": "192.0.2.7" };
    const trusted = await inject({ headers, address: "10.1.1.1" });
    expect(trusted).to.include({ from: "192.0.2.7" });
    const stranger = await inject({ headers, address: "192.0.2.1" });
    expect(stranger).to.include({ from: "192.0.2.1" });
  });

  it("sends text, bytes, pieces and JSON", async () => {
    async function* pieces() {
      yield Buffer.from("a");
      yield Buffer.from("b");
    }
    const post = { method: "POST" };
    for (const body of ["ab", Buffer.from("ab"), pieces()])
      expect(await inject({ ...post, body })).to.include({ body: "ab" });
    const given = await inject({ ...post, json: { a: 1 } });
    expect(given).to.include({ body: '{"a":1}' });
    expect(given)
      .to.have.property("headers")
      .that.deep.includes(["content-type", "application/json"]);
  });

  it("is refused where a client would be", async () => {
    expect(await inject({ path: "/%zz" })).to.equal(400);
    expect(await inject({ headers: { host: "a b" } })).to.equal(400);
    const body = "a";
    const headers = { "content-length": "+1" };
    expect(await inject({ method: "POST", headers, body })).to.equal(400);
  });

  const wrong: [what: string, request: object, message: RegExp][] = [
    ["an option that there is not", { url: "/" }, /no option "url"/],
    ["a method that is none", { method: "G T" }, /"G T" cannot be a method/],
    ["a path that is none", { path: "a" }, /takes a path/],
    ["a path with a space", { path: "/a b" }, /takes a path/],
    ["a field that splits the head", { headers: { a: "b\r\nc" } }, /"a"/],
    ["two bodies", { body: "a", json: 1 }, /`body` or `json`/],
  ];
  for (const [what, request, message] of wrong)
    it(`throws a UsageError for ${what}`, async () => {
      const error = await inject(request).catch((it: unknown) => it);
      expect(error).to.be.instanceOf(UsageError);
      expect(String(error)).to.match(message);
    });
});

describe("ParamsOf", () => {
  it("has the names in a pattern, and loop.get() gives them to its handler", () => {
    const params: ParamsOf<"/a/:id/b/:name/*"> = { id: "1", name: "2" };
    expect(params).to.have.all.keys("id", "name");
    new Loop({ log: false })
      .get("/users/:id", ({ params }) => params.id)
      .post("/users/:id", async (request) => request.params.id)
      // @ts-expect-error -- no parameter of the pattern
      .get("/posts/:id", ({ params }) => params.name)
      // @ts-expect-error -- it has none
      .get("/plain", ({ params }) => params.id)
      .get("/made" as string, ({ params }) => params["any"]);
  });
});

const untilRunning = (loop: Loop) =>
  until(() => loop.tasks().exchanges.length > 0);

const untilIdle = (loop: Loop) =>
  until(() => loop.tasks().exchanges.length === 0);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
