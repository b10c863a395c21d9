import { inspect } from "node:util";
import { expect } from "chai";
import type { WsgiApp } from "../../../adapters/wsgi.ts";
import { everywhere, portable } from "../../support/everywhere.ts";
import { RawClient } from "../../support/raw-client.ts";
import { itOnUws } from "../../support/native.ts";
import { serveWith, type TestServer } from "../../support/server.ts";
import { withoutEngine } from "../../support/without-engine.ts";

/** For what the vocabulary's types forbid: here rules are broken on purpose. */
type Loose = any;

const TEXT: [string, string] = ["content-type", "text/plain"];
const SORRY = "500 Sorry";

export const START_RESPONSE = everywhere({ TEXT, SORRY }, (mount) => {
  const serve = (app: WsgiApp): Promise<TestServer> =>
    serveWith((loop) => loop.mount(mount(app)), { accessLog: true });

  /** The whole reply to a GET, without the fields that the engine adds on its own. */
  async function wire(app: WsgiApp, end: RegExp): Promise<string> {
    const client = await RawClient.connect((await serve(app)).port);
    client.request("GET /");
    await client.until(end);
    return withoutEngine(client.received);
  }

  /** An application that starts with `args` and answers "body". */
  const starting = portable((...args: Loose[]): WsgiApp => (_, start) => {
    (start as Loose)(...args);
    return ["body"];
  });

  /** The application is at fault: 500 that says nothing to the client, a WsgiError that says what to the log. */
  async function refuses(app: WsgiApp, message: RegExp): Promise<void> {
    const server = await serve(app);
    server.expectLog(/./);
    const response = await fetch(server.url);
    expect(response.status).to.equal(500);
    expect(await response.text()).to.equal("something went wrong here\n");
    const { err } = await server.logged(({ level }) => level === 50);
    expect(err?.message).to.match(message);
    expect(err?.type).to.equal("WsgiError");
    expect(server.accessLines[0]).to.include({ status: 500, outcome: "error" });
  }

  describe("wsgi startResponse", () => {
    it("gives the reply its status, reason and headers", async () => {
      const app = starting("418 Short & Stout", [TEXT, ["X-One", "1"]]);
      expect(await wire(app, /body$/)).to.equal(
        "HTTP/1.1 418 Short & Stout\r\ncontent-type: text/plain\r\nX-One: 1\r\n" +
          "Content-Length: 4\r\n\r\nbody",
      );
    });

    it("returns write()", async () => {
      await wire((_, start) => [typeof start("200 OK", [TEXT])], /function$/);
    });

    for (const reason of ["OK", "A B\tC", "~!"])
      it(`takes the reason ${inspect(reason)}`, async () => {
        const reply = await wire(starting(`299 ${reason}`, []), /body$/);
        expect(reply).to.include(`HTTP/1.1 299 ${reason}\r\n`);
      });
  });

  describe("wsgi startResponse refuses", () => {
    const refused = (title: string, args: Loose[], message: RegExp): void => {
      it(title, () => refuses(starting(...args), message));
    };
    const status = (value: Loose): void =>
      refused(
        `the status ${inspect(value)}`,
        [value, []],
        /status .* "200 OK"/,
      );
    const header = (value: Loose, message: RegExp): void =>
      refused(`the header ${inspect(value)}`, ["200 OK", [value]], message);

    [200, undefined, null, ["200 OK"], "", "200", "200 ", "OK 200"].forEach(
      status,
    );
    ["2000 OK", "20 OK", "0x2 OK", " 200 OK", "100 Go On", "600 No"].forEach(
      status,
    );
    [
      "200 O\nK",
      "200 OK\r\nx: y",
      "200 OK\n",
      "200 \0",
      "200 O\0K",
      "200 O\u0436",
    ].forEach(status);

    refused("missing headers", ["200 OK"], /headers .* not an array/);
    refused("null as headers", ["200 OK", null], /headers .* not an array/);
    refused("an object as headers", ["200 OK", { a: "b" }], /not an array/);
    refused("a Map as headers", ["200 OK", new Map([TEXT])], /not an array/);
    refused("a string as headers", ["200 OK", "ab"], /not an array/);

    header("ab", /header 'ab' is not a \[name, value\]/);
    header(["a"], /not a \[name, value\]/);
    header(["a", "b", "c"], /not a \[name, value\]/);
    header(["a", 1], /not a \[name, value\]/);
    header([Buffer.from("a"), "b"], /not a \[name, value\]/);
    header({ a: "b" }, /not a \[name, value\]/);
    header(undefined, /not a \[name, value\]/);

    const hopByHop = (name: string): void =>
      header([name, "x"], RegExp(`header ${name} is the gateway's`));
    ["Connection", "keep-alive", "TE", "Trailer", "UPGRADE"].forEach(hopByHop);
    ["Trailers", "proxy-connection"].forEach(hopByHop);
    ["Proxy-Authenticate", "proxy-authorization"].forEach(hopByHop);
    hopByHop("Transfer-Encoding");

    header(["x-split", "a\r\nset-cookie: b"], /x-split/);
    header(["x-split", "a\nb"], /x-split/);
    header(["x-split", "\0"], /x-split/);
    header(["x-wide", "\u0436"], /x-wide/);
    header(["x-name:", "a"], /x-name/);
    header(["x name", "a"], /x name/);
    header(["x\r\nname", "a"], /x\\r\\nname/);
    header(["", "a"], /""/);
    header(["content-length", "0x4"], /content-length/);
    header(["content-length", "-4"], /content-length/);

    // PEP 3333: "so that an error can be raised while the application is still running"
    for (const [what, ...args] of [
      ["a status", "200", []],
      ["a hop-by-hop header", "200 OK", [["connection", "close"]]],
      ["a line break in a header", "200 OK", [["x", "a\r\nb"]]],
    ] as [string, ...Loose[]][])
      it(`${what} while the application runs, which may then start again`, async () => {
        const app = portable((...args: Loose[]): WsgiApp => (_, start) => {
          try {
            (start as Loose)(...args);
          } catch (error) {
            start("503 Sorry", [TEXT]);
            return [`${(error as Error).name}`];
          }
          return ["started"];
        });
        const server = await serve(app(...args));
        server.expectLog(/header/); // the expectations below say it better
        const response = await fetch(server.url);
        expect(response.status).to.equal(503);
        expect(await response.text()).to.equal("WsgiError");
      });
  });

  describe("wsgi startResponse that is never called", () => {
    const NEVER = /without a call to startResponse/;

    it("is an error with one chunk", () => refuses(() => ["a"], NEVER));
    it("is an error with many", () => refuses(() => ["a", "b"], NEVER));
    it("is an error without any", () => refuses(() => [], NEVER));
    it("is an error of a generator", () =>
      refuses(function* () {
        yield "";
        yield "a";
      }, NEVER));
    it("is not the error when there is another", async () => {
      const server = await serve(() => {
        throw new RangeError("on purpose");
      });
      server.expectLog(/on purpose/);
      expect((await fetch(server.url)).status).to.equal(500);
      const { err } = await server.logged(({ level }) => level === 50);
      expect(err?.type).to.equal("RangeError");
    });
  });

  describe("wsgi startResponse that is called twice", () => {
    const AGAIN = /a second time without excInfo/;
    const again = portable((...excInfo: Loose[]): WsgiApp => (_, start) => {
      start("200 OK", [TEXT, ["x-first", "1"]]);
      (start as Loose)(SORRY, [TEXT, ["x-second", "2"]], ...excInfo);
      return ["sorry"];
    });
    const replaced = (reply: string): void => {
      expect(reply).to.match(/^HTTP\/1.1 500 Sorry\r\n/);
      expect(reply).to.include("x-second: 2");
      expect(reply).to.not.include("x-first");
    };

    it("is an error without excInfo", () => refuses(again(), AGAIN));
    it("is an error with undefined", () => refuses(again(undefined), AGAIN));
    it("is an error with null", () => refuses(again(null), AGAIN));
    it("is an error in a body that has begun", async () => {
      const server = await serve(function* (_, start) {
        start("200 OK", [TEXT]);
        yield "begun";
        start("500 Sorry", [TEXT]);
        yield "more";
      });
      server.expectLog(AGAIN);
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").untilClosed();
      expect(received).to.not.include("more");
      expect(server.accessLines[0]).to.include({ outcome: "error" });
    });

    for (const [what, excInfo] of [
      ["an error", new Error("x")],
      ["a string", "x"],
      ["a zero", 0],
    ])
      it(`replaces status and headers when excInfo is ${what}`, async () => {
        replaced(await wire(again(excInfo), /sorry$/));
      });

    it("replaces them also a third time", async () => {
      const app: WsgiApp = (_, start) => {
        start("200 OK", [["x-zero", "0"]]);
        start("400 No", [["x-first", "1"]], new Error("one"));
        start("404 No", [["x-first", "1"]], new Error("two"));
        start(SORRY, [["x-second", "2"]], new Error("three"));
        return ["sorry"];
      };
      const reply = await wire(app, /sorry$/);
      replaced(reply);
      expect(reply).to.not.include("x-zero");
    });

    it("replaces them in a generator that has not produced anything", async () => {
      const reply = await wire(function* (_, start) {
        start("200 OK", [["x-first", "1"]]);
        yield "";
        start(SORRY, [["x-second", "2"]], new Error("x"));
        yield "sorry";
      }, /\r\n0\r\n\r\n$|\r\n\r\nsorry$/);
      replaced(reply);
    });

    it("forgets a content-length that is replaced", async () => {
      const reply = await wire((_, start) => {
        start("200 OK", [["content-length", "1000"]]);
        start(SORRY, [TEXT], new Error("x"));
        return ["sorry"];
      }, /sorry$/);
      expect(reply).to.match(/\r\nContent-Length: 5\r\n\r\nsorry$/);
    });

    it("does not mix what write() was given before into the new reply", async () => {
      const server = await serve((_, start) => {
        const write = start("200 OK", [TEXT]);
        write("half of the page");
        start(SORRY, [TEXT], new Error("x"));
        return ["sorry"];
      });
      server.expectLog(/x/); // an implementation may also take the headers for sent, and throw excInfo
      const response = await fetch(server.url);
      expect(response.status).to.equal(500);
      expect(await response.text()).to.not.include("half of the page");
    });

    it("keeps the first status when the second one is refused", async () => {
      const reply = await wire((_, start) => {
        start("200 OK", [["x-first", "1"]]);
        try {
          start("404 Not Found", [["connection", "close"]], new Error("x"));
        } catch {
          // the page is good enough as it is
        }
        return ["body"];
      }, /body$/);
      expect(reply).to.match(/^HTTP\/1.1 200 OK\r\nx-first: 1\r\n/);
    });

    it("throws excInfo after the first chunk: the connection is cut", async () => {
      const server = await serve(function* (environ, start) {
        const error = new RangeError("on purpose");
        start("200 OK", [TEXT]);
        yield "begun";
        try {
          start(SORRY, [TEXT], error);
        } catch (thrown) {
          environ["eddy.request"].log.info(
            { note: thrown === error },
            "caught",
          );
          throw thrown;
        }
        yield "more";
      });
      server.expectLog(/on purpose/);
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").untilClosed();
      expect(received).to.not.include("more");
      expect(received).to.not.include("\r\n0\r\n\r\n");
      expect(received).to.not.include("Sorry");
      expect(server.log.filter(({ note }) => note)).to.have.length(1);
      const { err } = await server.logged(({ level }) => level === 50);
      expect(err).to.include({ type: "RangeError", message: "on purpose" });
      expect(server.accessLines[0]).to.include({
        status: 200,
        outcome: "error",
      });
    });
  });

  describe("wsgi reply headers", () => {
    it("go out as latin-1 bytes, a character each", async () => {
      const every = String.fromCharCode(
        ...Array.from({ length: 128 }, (_, i) => 128 + i),
      );
      const app = starting("200 OK", [["x-bytes", `caf\xe9 ${every}`]]);
      const reply = await wire(app, /body$/);
      expect(reply).to.include(`x-bytes: caf\xe9 ${every}\r\n`);
    });

    it("may be repeated and keep their order", async () => {
      const app = starting("200 OK", [
        ["set-cookie", "b=1"],
        ["x", "-"],
        ["Set-Cookie", "a=2; Path=/"],
        ["set-cookie", "b=1"],
      ]);
      expect(await wire(app, /body$/)).to.include(
        "set-cookie: b=1\r\nx: -\r\nSet-Cookie: a=2; Path=/\r\nset-cookie: b=1\r\n",
      );
    });

    it("may have empty values", async () => {
      expect(await wire(starting("200 OK", [["x", ""]]), /body$/)).to.match(
        /^x: ?\r$/m,
      );
    });

    it("have the engine's date and no second one", async () => {
      const client = await RawClient.connect(
        (await serve(starting("200 OK", [["Date", "yesterday"]]))).port,
      );
      client.request("GET /");
      await client.until(/body$/);
      expect(client.received.match(/^date:/gim)).to.have.length(1);
      expect(client.received).to.not.include("yesterday");
    });
  });

  describe("wsgi reply's length", () => {
    const answering = portable(
      (chunks: Loose, ...headers: [string, string][]): WsgiApp =>
        (_, start) => {
          start("200 OK", headers);
          return chunks as string[];
        },
    );
    const sends = (title: string, app: WsgiApp, expected: string): void =>
      void it(title, async () => {
        const reply = await wire(app, RegExp(`${expected.slice(-3)}$`));
        expect(reply).to.equal(`HTTP/1.1 200 OK\r\n${expected}`);
      });
    const TWO: [string, string] = ["content-length", "2"];

    sends(
      "is filled in for one chunk",
      answering(["ab"], TEXT),
      "content-type: text/plain\r\nContent-Length: 2\r\n\r\nab",
    );
    sends(
      "is counted in bytes",
      answering(["\u00e9\u0436"], TEXT),
      "content-type: text/plain\r\nContent-Length: 4\r\n\r\n\xc3\xa9\xd0\xb6",
    );
    sends(
      "is filled in for one chunk of bytes",
      answering([Buffer.from([0x61, 0xff])], TEXT),
      "content-type: text/plain\r\nContent-Length: 2\r\n\r\na\xff",
    );
    sends(
      "is kept for one chunk that has it",
      answering(["ab"], TEXT, TWO),
      "content-type: text/plain\r\nContent-Length: 2\r\n\r\nab",
    );
    sends(
      "is kept for a stream that has it",
      answering(["a", "", "b"], TWO),
      "Content-Length: 2\r\n\r\nab",
    );
    // What ends in the turn that it begins in may have one; from a thread each piece may come in a turn of its own.
    it("is that of a stream which is over at once, or left out: it is chunked then", async () => {
      const reply = await wire(
        answering(["a", "", "bc"]),
        /\n0\r\n\r\n$|\r\n\r\nabc$/,
      );
      expect(reply).to.match(
        /^HTTP\/1\.1 200 OK\r\n(Content-Length: 3\r\n\r\nabc|Transfer-Encoding: chunked\r\n\r\n(3\r\nabc|1\r\na\r\n2\r\nbc)\r\n0\r\n\r\n)$/,
      );
    });
    it("is that of one chunk of a generator, or left out", async () => {
      const reply = await wire(function* (_, start) {
        start("200 OK", []);
        yield "ab";
      }, /\n0\r\n\r\n$|\r\n\r\nab$/);
      expect(reply).to.match(
        /^HTTP\/1\.1 200 OK\r\n(Content-Length: 2\r\n\r\nab|Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n)$/,
      );
    });

    for (const [title, chunks, test] of [
      ["an empty result", [], itOnUws], // in chunks from node:http, for which it is a stream
      ["an empty chunk", [""], it],
      ["nothing but empty chunks", ["", "", ""], itOnUws],
    ] as const)
      test(`is zero for ${title}`, async () => {
        const reply = await wire(answering(chunks, TEXT), /\r\n\r\n$/);
        expect(reply).to.equal(
          "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 0\r\n\r\n",
        );
      });

    it("of a megabyte in one chunk is kept", async () => {
      const body = "x".repeat(1024 * 1024);
      const response = await fetch((await serve(answering([body]))).url);
      expect(response.headers.get("content-length")).to.equal("1048576");
      expect(await response.text()).to.equal(body);
    });

    for (const [title, chunk] of [
      ["short", "a"],
      ["long", "abc"],
    ] as const)
      it(`is an error when one chunk is too ${title} for it`, async () => {
        const server = await serve(answering([chunk], TWO));
        server.expectLog(/content-length says 2/);
        expect((await fetch(server.url)).status).to.equal(500);
      });

    it("is an error when a stream is too short for it: the connection is cut", async () => {
      const server = await serve(answering(["a", ""], TWO));
      server.expectLog(/1 bytes, its content-length says 2/);
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").untilClosed();
      expect(received).to.not.include("ab");
      expect(server.accessLines[0]).to.include({ outcome: "error" });
    });

    it("is an error when a stream is too long for it, and the client gets nothing beyond", async () => {
      const server = await serve(answering(["a", "bc", "d"], TWO));
      server.expectLog(/longer than the content-length of 2/);
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").untilClosed();
      expect(received).to.not.match(/ab|c$|d$/);
      expect(server.accessLines[0]).to.include({ outcome: "error" });
    });
  });
});
