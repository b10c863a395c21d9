import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import {
  middleware,
  validator,
  wsgi,
  type Environ,
  type Middleware,
  type WsgiApp,
} from "../../../adapters/wsgi.ts";
import { basicAuth } from "../../../samples/wsgi/basic-auth.ts";
import { gzip } from "../../../samples/wsgi/gzip.ts";
import { timing } from "../../../samples/wsgi/timing.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";

type Headers = [name: string, value: string][];

const TEXT: [string, string] = ["content-type", "text/plain"];
const AUTHORIZATION = `Basic ${btoa("admin:secret")}`;
const LONG = "a page that is worth the trouble\n".repeat(100);

/** `app` under `layers`, with a validator on both sides of each: what one of them breaks fails the test. */
function serve(app: WsgiApp, ...layers: Middleware[]): Promise<TestServer> {
  const checked = layers.flatMap((layer) => [validator, layer]);
  return serveWith(
    (loop) => loop.mount(wsgi(middleware(app, ...checked, validator))),
    { accessLog: true },
  );
}

/** The reply as it is on the wire, its body in bytes. `fetch` would unzip it. */
async function get(
  { port }: TestServer,
  line = "GET /",
  ...fields: string[]
): Promise<{ head: string; body: Buffer }> {
  const client = await RawClient.connect(port);
  client.request(line, ["connection: close", ...fields]);
  const received = await client.untilClosed();
  const end = received.indexOf("\r\n\r\n") + 2;
  const head = received.slice(0, end);
  const body = Buffer.from(received.slice(end + 2), "latin1");
  const isChunked = /^transfer-encoding: chunked$/im.test(head);
  return { head, body: isChunked ? unchunked(body) : body };
}

function unchunked(body: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const end = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.toString("latin1", at, end), 16);
    chunks.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(chunks);
}

function note(environ: Environ, what = "closed"): void {
  environ["eddy.request"].log.info({ note: true }, what);
}

function notes(server: TestServer): unknown[] {
  return server.log.filter((line) => line.note).map(({ msg }) => msg);
}

const starting =
  (chunks: Iterable<string>, ...headers: Headers): WsgiApp =>
  (_, start) => {
    start("200 OK", [TEXT, ...headers]);
    return chunks;
  };

/** A generator that starts on its way to the first chunk, in a result that notes its end. */
const generating =
  (chunks: Iterable<string>, ...headers: Headers): WsgiApp =>
  (environ, start) => ({
    *[Symbol.iterator]() {
      try {
        start("200 OK", [TEXT, ...headers]);
        yield* chunks;
      } finally {
        note(environ, "finally");
      }
    },
    close: () => note(environ),
  });

const sample = (
  name: string,
  layers: Middleware[],
  head: string[],
  decode = (body: Buffer): string => body.toString(),
): unknown =>
  describe(`samples/wsgi/${name}`, () => {
    const passes = (title: string, app: WsgiApp, expected: string): void => {
      it(`passes on ${title}`, async () => {
        const server = await serve(app, ...layers);
        const reply = await get(server, "GET /", ...head);
        expect(reply.head).to.match(/^HTTP\/1.1 200 OK\r\n/);
        expect(reply.head).to.match(/^content-type: text\/plain$/im);
        expect(decode(reply.body)).to.equal(expected);
      });
    };

    passes("one chunk", starting([LONG]), LONG);
    passes(
      "many chunks",
      starting(["a", "", LONG, "\u0436"]),
      `a${LONG}\u0436`,
    );
    passes("an empty result", starting([]), "");
    passes("a generator", generating(["a", "", LONG, "b"]), `a${LONG}b`);
    passes("a generator without chunks", generating([]), "");
    passes(
      "write()",
      (_, start) => {
        const write = start("200 OK", [TEXT]);
        write("a");
        write(LONG);
        return ["b", "c"];
      },
      `a${LONG}bc`,
    );
    passes(
      "write() within a generator",
      function* (_, start) {
        const write = start("200 OK", [TEXT]);
        yield "a";
        write("b");
        yield "c";
        write("d");
      },
      "abcd",
    );
    passes(
      "a second start",
      (_, start) => {
        start("500 No", [TEXT]);
        start("200 OK", [TEXT], new Error("found in time"));
        return [LONG];
      },
      LONG,
    );
    passes(
      "a second start within a generator",
      function* (_, start) {
        start("500 No", [TEXT, ["content-length", "1000"]]);
        yield "";
        start("200 OK", [TEXT], new Error("found in time"));
        yield LONG;
      },
      LONG,
    );

    it("passes on a second start without excInfo as the error that it is", async () => {
      // Without the validator, which would notice it first.
      const server = await serveWith((loop) =>
        loop.mount(
          wsgi(
            middleware(
              (_, start) => {
                start("200 OK", [TEXT]);
                start("200 OK", [TEXT]);
                return ["a"];
              },
              ...layers,
            ),
          ),
        ),
      );
      server.expectLog(/a second time without excInfo/);
      const reply = RawClient.connect(server.port);
      await (await reply).request("GET /", head).until(/^HTTP\/1.1 500 /);
    });

    it("passes on close(), once, at the end", async () => {
      const server = await serve(generating([LONG, "b"]), ...layers);
      await get(server, "GET /", ...head);
      await server.loop.close();
      expect(notes(server)).to.deep.equal(["finally", "closed"]);
    });

    it("passes on close(), once, for HEAD", async () => {
      const server = await serve(generating([LONG, "b"]), ...layers);
      const reply = await get(server, "HEAD /", ...head);
      await server.loop.close();
      expect(reply.head).to.match(/^HTTP\/1.1 200 OK\r\n/);
      expect(notes(server)).to.deep.equal(["finally", "closed"]);
    });

    it("passes on close(), once, when the application fails", async () => {
      const failing = function* (): Generator<string> {
        yield "";
        throw new Error("on purpose");
      };
      const server = await serve(generating(failing()), ...layers);
      server.expectLog(/on purpose/);
      const client = await RawClient.connect(server.port);
      client.request("GET /", head);
      await client.until(/^HTTP\/1.1 500 /);
      await server.loop.close();
      expect(notes(server)).to.deep.equal(["finally", "closed"]);
    });

    it("passes on a 204 and a 304", async () => {
      for (const status of ["204 No Content", "304 Not Modified"]) {
        const server = await serve(
          (_, start) => {
            start(status, []);
            return [];
          },
          ...layers,
        );
        const reply = await get(server, "GET /", ...head);
        expect(reply.head).to.include(`HTTP/1.1 ${status}\r\n`);
        expect(reply.head).to.not.match(/^content-/im);
      }
    });

    it("passes on a 404 with headers", async () => {
      const server = await serve(
        (_, start) => {
          start("404 Not Here", [
            TEXT,
            ["set-cookie", "a"],
            ["set-cookie", "b"],
          ]);
          return [LONG];
        },
        ...layers,
      );
      const reply = await get(server, "GET /", ...head);
      expect(reply.head).to.match(/^HTTP\/1.1 404 Not Here\r\n/);
      expect(reply.head).to.match(/^set-cookie: a\r\nset-cookie: b$/im);
      expect(reply.body.toString()).to.equal(LONG);
    });
  });

const GZIP = "accept-encoding: gzip";
const unzip = (body: Buffer): string => gunzipSync(body).toString();

sample("timing", [timing], []);
sample("gzip, for a client that cannot read it,", [gzip], []);
sample("gzip, for a client that can read it,", [gzip], [GZIP], unzip);
sample(
  "basic-auth",
  [basicAuth("admin", "secret")],
  [`authorization: ${AUTHORIZATION}`],
);
sample(
  "timing, gzip and basic-auth together",
  [timing, gzip, basicAuth("admin", "secret")],
  [GZIP, `authorization: ${AUTHORIZATION}`],
  unzip,
);
sample(
  "basic-auth, gzip and timing together",
  [basicAuth("admin", "secret"), gzip, timing],
  [GZIP, `authorization: ${AUTHORIZATION}`],
  unzip,
);

for (const [name, layer] of [
  ["timing", timing],
  ["gzip", gzip],
  ["basic-auth", basicAuth("admin", "secret")],
] as const)
  describe(`samples/wsgi/${name} passes a stream on`, () => {
    it("as it comes, and its close() when the client leaves", async () => {
      const ticks = (function* (): Generator<string> {
        for (;;) yield "tick\n";
      })();
      const server = await serve(generating(ticks), layer);
      const client = await RawClient.connect(server.port);
      client.request("GET /", [`authorization: ${AUTHORIZATION}`]);
      await client.until(/tick/);
      client.abort();
      await server.logged(({ outcome }) => outcome === "abort");
      await server.loop.close();
      expect(notes(server)).to.deep.equal(["finally", "closed"]);
    });

    it("up to an error", async () => {
      const failing = (function* (): Generator<string> {
        yield "begun";
        throw new Error("on purpose");
      })();
      const server = await serve(generating(failing), layer);
      server.expectLog(/on purpose/);
      const client = await RawClient.connect(server.port);
      client.request("GET /", [`authorization: ${AUTHORIZATION}`]);
      expect(await client.untilClosed()).to.not.include("\r\n0\r\n\r\n");
      await server.loop.close();
      expect(notes(server)).to.deep.equal(["finally", "closed"]);
    });
  });

describe("samples/wsgi/timing", () => {
  it("says how long the application took to start", async () => {
    const server = await serve(generating(["a"]), timing);
    const { head } = await get(server);
    expect(head).to.match(/^server-timing: app;dur=\d+\.\d{3}$/im);
  });

  it("leaves the headers of the application alone", async () => {
    const headers: Headers = [TEXT];
    const server = await serve((_, start) => {
      start("200 OK", headers);
      return ["a"];
    }, timing);
    await get(server);
    expect(headers).to.deep.equal([TEXT]);
  });

  it("keeps the length", async () => {
    const server = await serve(
      starting(["a", "b"], ["content-length", "2"]),
      timing,
    );
    const response = await fetch(server.url);
    expect(response.headers.get("content-length")).to.equal("2");
    expect(await response.text()).to.equal("ab");
  });
});

describe("samples/wsgi/gzip", () => {
  const zipped = async (
    app: WsgiApp,
    ...head: string[]
  ): Promise<{ head: string; zips: boolean; body: Buffer }> => {
    const reply = await get(await serve(app, gzip), "GET /", ...head);
    return { ...reply, zips: /^content-encoding: gzip$/im.test(reply.head) };
  };
  const decides = (accept: string, expected: boolean): unknown =>
    it(`${expected ? "zips" : "does not zip"} for "${accept}"`, async () => {
      const app = starting([LONG, "end"]);
      const reply = await zipped(app, `accept-encoding: ${accept}`);
      expect(reply.zips).to.equal(expected);
      const body = expected ? unzip(reply.body) : reply.body.toString();
      expect(body).to.equal(`${LONG}end`);
      expect(reply.head).to.match(/^vary: accept-encoding$/im);
    });

  decides("gzip", true);
  decides("GZip", true);
  decides("br, gzip, deflate", true);
  decides("br;q=1.0, gzip;q=0.5", true);
  decides("gzip; q=0.001", true);
  decides("*", true);
  decides("*;q=0.1", true);
  decides("", false);
  decides("br", false);
  decides("identity", false);
  decides("gzip;q=0", false);
  decides("gzip;q=0.0, *", false);
  decides("gzip;Q=0", false);
  decides("*;q=0", false);
  decides("gzipped", false);
  decides("gzip;q=x", false);

  it("does not zip, but says vary, for a client that says nothing", async () => {
    const reply = await zipped(starting([LONG]));
    expect(reply.zips).to.equal(false);
    expect(reply.head).to.match(/^vary: accept-encoding$/im);
  });

  it("drops the length of the page, and only where it zips", async () => {
    const length = ["content-length", "2"] as [string, string];
    const app = starting(["a", "b"], length);
    const { head } = await get(await serve(app, gzip), "HEAD /", GZIP);
    expect(head).to.not.match(/^content-length: 2$/im);
    const response = await fetch((await serve(app, gzip)).url, {
      headers: { "accept-encoding": "identity" },
    });
    expect(response.headers.get("content-length")).to.equal("2");
    expect(await response.text()).to.equal("ab");
  });

  it("makes it smaller", async () => {
    const { body } = await zipped(starting([LONG]), GZIP);
    expect(body.length).to.be.below(LONG.length / 10);
  });

  it("keeps the vary of the application", async () => {
    const app = starting([LONG], ["Vary", "cookie"]);
    const { head } = await zipped(app, GZIP);
    expect(head).to.match(/^vary: cookie$/im);
    expect(head).to.match(/^vary: accept-encoding$/im);
  });

  for (const header of [
    ["Content-Encoding", "br"],
    ["ETag", '"1"'],
  ] as Headers)
    it(`leaves a page with ${header[0]} as it is`, async () => {
      const reply = await zipped(starting([LONG, "a"], header), GZIP);
      expect(reply.zips).to.equal(false);
      expect(reply.body.toString()).to.equal(`${LONG}a`);
    });

  it("leaves a 206 as it is", async () => {
    const app: WsgiApp = (_, start) => {
      start("206 Partial", [TEXT, ["content-range", "bytes 0-1/9"]]);
      return ["a", "b"];
    };
    expect((await zipped(app, GZIP)).body.toString()).to.equal("ab");
  });

  for (const [status, decode] of [
    ["500 Sorry", String],
    ["200 Sorry", unzip],
  ] as const)
    it(`forgets what it has gathered when the application starts again with ${status}`, async () => {
      const app: WsgiApp = function* (_, start) {
        start("200 OK", [TEXT]);
        yield "half of the page";
        start(status, [TEXT], new Error("x"));
        yield "sorry";
      };
      const { head, body } = await zipped(app, GZIP);
      expect(head).to.include(`HTTP/1.1 ${status}\r\n`);
      expect(decode(body)).to.equal("sorry");
    });

  // PEP 3333, "Middleware Handling of Block Boundaries"
  it("yields whenever the application does", () => {
    const environ = { HTTP_ACCEPT_ENCODING: "gzip" } as unknown as Environ;
    const app = gzip(starting(["a", "", "b"]));
    const chunks = [...app(environ, () => () => {})];
    expect(chunks.slice(0, 3)).to.deep.equal(["", "", ""]);
    expect(
      chunks.slice(3).map((chunk) => unzip(chunk as Buffer)),
    ).to.deep.equal(["ab"]);
  });

  it("has the same headers for HEAD as for GET", async () => {
    const server = await serve(generating([LONG]), gzip);
    const of = async (line: string): Promise<string> =>
      (await get(server, line, GZIP)).head
        .replace(/^Date: .*\r\n/im, "")
        .replace(/^transfer-encoding: chunked\r\n/im, "");
    expect(await of("HEAD /")).to.equal(await of("GET /"));
  });
});

describe("samples/wsgi/basic-auth", () => {
  const SECRET: [string, string] = ["j\u00f6rg", "se:cret \u0436"];
  const answer = (environ: Environ): string =>
    `${String(environ.AUTH_TYPE)} ${String(environ.REMOTE_USER)}`;
  const app: WsgiApp = (environ, start) => {
    start("200 OK", [TEXT]);
    return [answer(environ), ""];
  };
  const encoded = (text: string): string =>
    Buffer.from(text).toString("base64");
  const ask = async (head: string[], users: [string, string]) =>
    get(await serve(app, basicAuth(...users)), "GET /", ...head);

  const letsIn = (title: string, authorization: string): unknown =>
    it(`lets in ${title}`, async () => {
      const head = [`Authorization: ${authorization}`];
      const reply = await ask(head, ["admin", "secret"]);
      expect(reply.head).to.match(/^HTTP\/1.1 200 /);
      expect(reply.body.toString()).to.equal("Basic admin");
    });
  const keepsOut = (title: string, ...authorization: string[]): unknown =>
    it(`keeps out ${title}`, async () => {
      const head = authorization.map((value) => `Authorization: ${value}`);
      const reply = await ask(head, ["admin", "secret"]);
      expect(reply.head).to.match(/^HTTP\/1.1 401 Unauthorized\r\n/);
      expect(reply.head).to.match(/^www-authenticate: Basic realm="eddy"/im);
      expect(reply.body.toString()).to.not.include("admin");
    });

  letsIn("who knows the password", AUTHORIZATION);
  letsIn("whatever the case of the scheme", AUTHORIZATION.replace("B", "b"));
  letsIn("with blanks around", `Basic   ${btoa("admin:secret")} `);

  keepsOut("who says nothing");
  keepsOut("who says nothing behind the name of the scheme", "Basic");
  keepsOut("who says an empty thing", "Basic =");
  keepsOut("a wrong password", `Basic ${btoa("admin:Secret")}`);
  keepsOut("a password that goes on", `Basic ${btoa("admin:secrets")}`);
  keepsOut("a password that ends early", `Basic ${btoa("admin:secre")}`);
  keepsOut("no password", `Basic ${btoa("admin:")}`);
  keepsOut("no colon", `Basic ${btoa("adminsecret")}`);
  keepsOut("a wrong name", `Basic ${btoa("root:secret")}`);
  keepsOut("another scheme", `Bearer ${btoa("admin:secret")}`);
  keepsOut("the scheme as a part of another", AUTHORIZATION.replace("B", "XB"));
  keepsOut("plain text", "Basic admin:secret");
  keepsOut("two at once", AUTHORIZATION, AUTHORIZATION);

  it("takes names and passwords as UTF-8", async () => {
    const head = [`Authorization: Basic ${encoded(SECRET.join(":"))}`];
    const reply = await ask(head, SECRET);
    expect(reply.head).to.match(/^HTTP\/1.1 200 /);
  });

  it("does not call the application for those it keeps out", async () => {
    const server = await serve(
      () => {
        throw new Error("called");
      },
      basicAuth("admin", "secret"),
    );
    expect((await fetch(server.url)).status).to.equal(401);
  });

  it("cannot be passed by a REMOTE_USER of the client's", async () => {
    const reply = await ask(["remote-user: admin"], ["admin", "secret"]);
    expect(reply.head).to.match(/^HTTP\/1.1 401 /);
  });
});
