import { expect } from "chai";
import {
  validator,
  type Chunk,
  type Environ,
  type WsgiApp,
} from "../../../adapters/wsgi.ts";
import { everywhere, portable } from "../../support/everywhere.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";
import { withoutEngine } from "../../support/without-engine.ts";

/** For what the vocabulary's types forbid: here rules are broken on purpose. */
type Loose = any;

const TEXT: [string, string] = ["content-type", "text/plain"];

const streaming = portable(
  (size?: number, ...headers: [string, string][]): WsgiApp =>
    (environ, start) => {
      start("200 OK", headers);
      const chunks = endless(() => note(environ, "finally"), size);
      return { [Symbol.iterator]: () => chunks, close: () => note(environ) };
    },
);

/**
 * Its result notes when it is closed, and then throws `failure`. Starts on the way to the first chunk, unless `status`
 * is null.
 */
const closing = portable(
  (
    chunks: unknown[],
    status: string | null = "200 OK",
    headers: [string, string][] = [TEXT],
    failure?: Error,
  ): WsgiApp =>
    (environ, start) => ({
      *[Symbol.iterator]() {
        if (status !== null) start(status, headers);
        for (const chunk of chunks) {
          if (chunk instanceof Error) throw chunk;
          yield chunk as Chunk;
        }
      },
      close() {
        note(environ);
        if (failure !== undefined) throw failure;
      },
    }),
);

/** What applications note is in the log. */
function note(environ: Environ, what = "closed"): void {
  environ["eddy.request"].log.info({ note: true }, what);
}

function notes(server: TestServer): unknown[] {
  return server.log.filter((line) => line.note).map(({ msg }) => msg);
}

export const RESULT = everywhere({ TEXT, note, endless }, (mount, isLoop) => {
  const serve = (
    app: WsgiApp,
    options: { drainTimeoutMs?: number } = {},
  ): Promise<TestServer> =>
    serveWith((loop) => loop.mount(mount(app)).get("/other", () => "here"), {
      ...options,
      accessLog: true,
    });

  const returning = portable((result: Loose): WsgiApp => (_, start) => {
    start("200 OK", [TEXT]);
    return result as string[];
  });

  async function bodyOf(app: WsgiApp): Promise<string> {
    const response = await fetch((await serve(app)).url);
    expect(response.status).to.equal(200);
    return response.text();
  }

  describe("wsgi result", () => {
    const gives = (title: string, app: WsgiApp, expected: string): unknown =>
      it(title, async () => {
        expect(await bodyOf(app)).to.equal(expected);
      });

    gives("is an array", returning(["a", "b"]), "ab");
    gives("is a set", returning(new Set(["a", "b"])), "ab");
    gives(
      "is an iterator",
      (_, start) => {
        start("200 OK", [TEXT]);
        return ["a", "b"].values();
      },
      "ab",
    );
    gives(
      "is an iterable without return()",
      (_, start) => {
        start("200 OK", [TEXT]);
        let left = 3;
        const next = (): Loose => ({ done: left-- === 0, value: String(left) });
        return { [Symbol.iterator]: () => ({ next }) };
      },
      "210",
    );
    gives("mixes strings and bytes", returning(["a", Buffer.from("b")]), "ab");
    gives(
      "has strings as UTF-8",
      returning(["\u0436", "\u00e9"]),
      "\u0436\u00e9",
    );
    gives("may be empty", returning([]), "");
    gives("may have empty chunks", returning(["", "a", "", "b", ""]), "ab");
    gives(
      "may start with its first chunk that is not empty",
      function* (_, start) {
        yield "";
        yield new Uint8Array(0);
        start("200 OK", [TEXT]);
        yield "late";
      },
      "late",
    );
    gives(
      "may start and then end",
      function* (_, start) {
        yield "";
        start("200 OK", [TEXT]);
      },
      "",
    );

    it("is asked for the next chunk only when the one before is on its way", async () => {
      const server = await serve((environ, start) => {
        start("200 OK", [TEXT]);
        const chunks = function* (): Generator<string> {
          for (const chunk of ["a", "b"]) {
            note(environ, chunk);
            yield chunk;
          }
          note(environ, "end");
        };
        note(environ, "returned");
        return chunks();
      });
      await (await fetch(server.url)).text();
      expect(notes(server)).to.deep.equal(["returned", "a", "b", "end"]);
    });

    it("does not return() an iterator that has come to its end", async () => {
      const server = await serve((environ, start) => {
        start("200 OK", [TEXT]);
        let left = 2;
        const iterator = {
          next: (): Loose => ({ done: left-- === 0, value: "a" }),
          return: (): Loose => {
            note(environ, "returned");
            return { done: true };
          },
        };
        return { [Symbol.iterator]: () => iterator };
      });
      await (await fetch(server.url)).text();
      expect(notes(server)).to.deep.equal([]);
    });
  });

  describe("wsgi write()", () => {
    const gives = (title: string, app: WsgiApp, expected: string): unknown =>
      it(title, async () => {
        expect(await bodyOf(app)).to.equal(expected);
      });

    gives(
      "sends before the result, in order",
      (_, start) => {
        const write = start("200 OK", [TEXT]);
        write("a");
        write("");
        write(Buffer.from("b"));
        return ["c", "d"];
      },
      "abcd",
    );
    gives(
      "sends before a result of one chunk",
      (_, start) => {
        start("200 OK", [TEXT])("a");
        return ["b"];
      },
      "ab",
    );
    gives(
      "sends without any result",
      (_, start) => {
        start("200 OK", [TEXT])("a");
        return [];
      },
      "a",
    );
    gives(
      "sends from within a generator, in order",
      function* (_, start) {
        const write = start("200 OK", [TEXT]);
        write("a");
        yield "b";
        write("c");
        write("d");
        yield "e";
        write("f");
      },
      "abcdef",
    );
    gives(
      "sends what close() writes, too",
      (_, start) => {
        const write = start("200 OK", [TEXT]);
        return Object.assign(["a", "b"], { close: () => write("c") });
      },
      "abc",
    );
    gives(
      "works with a declared length",
      (_, start) => {
        start("200 OK", [["content-length", "2"]])("a");
        return ["b"];
      },
      "ab",
    );
    gives(
      "of a second start works as that of the first",
      (_, start) => {
        const first = start("500 No", [TEXT]);
        const second = start("200 OK", [TEXT], new Error("x"));
        first("a");
        second("b");
        first("c");
        return [];
      },
      "abc",
    );

    it("throws for what is no chunk, while the application runs", async () => {
      const body = await bodyOf((_, start) => {
        const write: Loose = start("200 OK", [TEXT]);
        try {
          write(42);
        } catch (error) {
          return [String(error)];
        }
        return ["a"];
      });
      expect(body).to.match(/^WsgiError: .* neither string nor bytes: 42/);
    });

    it("sends nothing when the application then throws: the client gets a 500", async () => {
      const server = await serve((_, start) => {
        start("200 OK", [TEXT])("begun");
        throw new Error("on purpose");
      });
      server.expectLog(/on purpose/);
      const response = await fetch(server.url);
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal("something went wrong here\n");
    });
  });

  describe("wsgi result is refused when it", () => {
    const refused = (title: string, result: Loose, message: RegExp): void =>
      refusedFrom(title, returning(result), message);
    const refusedFrom = (
      title: string,
      app: WsgiApp,
      message: RegExp,
    ): void => {
      it(title, async () => {
        const server = await serve(app);
        server.expectLog(/./);
        const response = await fetch(server.url);
        expect(response.status).to.equal(500);
        expect(await response.text()).to.equal("something went wrong here\n");
        const { err } = await server.logged(({ level }) => level === 50);
        expect(err?.type).to.equal("WsgiError");
        expect(err?.message).to.match(message);
        expect(server.accessLines[0]).to.include({ outcome: "error" });
      });
    };

    refused("is a string", "a string", /one chunk .* put it into an array/);
    refused("is bytes", Buffer.from("a"), /one chunk .* put it into an array/);
    refused("is a String object", new String("a"), /one chunk .* an array/); // oxlint-disable-line no-new-wrappers
    const createdOf = portable(
      (name: string, ...args: Loose[]): WsgiApp =>
        (_, start) => {
          start("200 OK", [["content-type", "text/plain"]]);
          return new (globalThis as Loose)[name](...args);
        },
    );
    const named = (title: string, name: string, ...args: Loose[]): void =>
      refusedFrom(
        title,
        createdOf(name, ...args),
        RegExp(`returned ${name}[^]* in place .* return an array`),
      );
    named("is a form", "FormData");
    named("are headers", "Headers", { a: "b" });
    named("are headers, and there are none", "Headers");
    named("are parameters", "URLSearchParams", "a=b");
    named("is a Map", "Map", [["a", "b"]]);
    refused("is undefined", undefined, /returned undefined in place/);
    refused("is null", null, /in place of an iterable/);
    refused("is a number", 42, /returned 42 in place/);
    refused("is an object", { body: "a" }, /returned \{ body: .a. \} in place/);
    refusedFrom(
      "is a promise",
      (async (_: unknown, start: Loose) => {
        start("200 OK", [TEXT]);
        return [];
      }) as Loose,
      /is an async function; mount it as a handler/,
    );
    refusedFrom(
      "is an async generator",
      async function* (_: unknown, start: Loose) {
        start("200 OK", [TEXT]);
        yield "a";
      } as Loose,
      /in place of an iterable/,
    );
    refused("is one number", [42], /neither string nor bytes: 42/);
    refused("begins with a number", [42, "a"], /neither string nor bytes: 42/);
    refused("has a number after nothing", ["", 42], /neither .* bytes: 42/);
    refused("has null", [null], /neither string nor bytes: null/);
    refused("has an object", [{}, ""], /neither string nor bytes: \{\}/);
    refused("has an ArrayBuffer", [new ArrayBuffer(1)], /neither string nor/);

    it("has a number after the first chunk: the connection is cut", async () => {
      const server = await serve(returning(["begun", 42, "more"]));
      server.expectLog(/./);
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").untilClosed();
      expect(received).to.not.match(/more|begun[^]*42|\r\n0\r\n\r\n/);
      const { err } = await server.logged(({ level }) => level === 50);
      expect(err?.type).to.equal("WsgiError");
      expect(err?.message).to.match(/neither string nor bytes: 42/);
    });
  });

  describe("wsgi result's close() is called exactly once", () => {
    interface Closes {
      app: WsgiApp;
      line?: string;
      outcome?: "ok" | "error";
      log?: RegExp;
    }

    const once = (
      title: string,
      { app, line = "GET /", outcome = "ok", log }: Closes,
    ): void => {
      const mounts: [string, WsgiApp][] = [["", app]];
      if (isLoop) mounts.push([" (through the validator)", validator(app)]);
      for (const [suffix, mounted] of mounts)
        it(`${title}${suffix}`, async () => {
          const server = await serve(mounted);
          if (log) server.expectLog(log, /WsgiViolation|application: /);
          const client = await RawClient.connect(server.port);
          client.request(line, ["connection: close"]);
          expect(await outcomeOf(server)).to.equal(outcome);
          await server.loop.close();
          expect(notes(server)).to.deep.equal(["closed"]);
        });
    };

    once("at the end", { app: closing(["a", "b"]) });
    once("at the end of an array of one chunk", {
      app: (environ, start) => {
        start("200 OK", [TEXT]);
        return Object.assign(["a"], { close: () => note(environ) });
      },
    });
    once("at the end of an empty result", { app: closing([]) });
    once("at the end of nothing but empty chunks", { app: closing(["", ""]) });
    once("at the end of a long body", { app: closing(Array(500).fill("a")) });
    once("for HEAD", { app: closing(["a", "b"]), line: "HEAD /" });
    once("for HEAD of an empty result", { app: closing([]), line: "HEAD /" });
    once("for 204", { app: closing(["a", "b"], "204 No Content", []) });
    once("for 304", { app: closing(["a", "b"], "304 Not Modified", []) });
    once("after write()", {
      app: (environ, start) => {
        start("200 OK", [TEXT])("a");
        return Object.assign(["b"], { close: () => note(environ) });
      },
    });
    once("when the first chunk fails", {
      app: closing([new Error("on purpose")]),
      outcome: "error",
      log: /on purpose/,
    });
    once("when an error comes after an empty chunk", {
      app: closing(["", new Error("on purpose")]),
      outcome: "error",
      log: /on purpose/,
    });
    once("when an error comes behind the head", {
      app: closing(["a", new Error("on purpose")]),
      outcome: "error",
      log: /on purpose/,
    });
    once("when a chunk is a number", {
      app: closing([42]),
      outcome: "error",
      log: /neither string nor bytes/,
    });
    once("when a chunk behind the head is a number", {
      app: closing(["a", 42]),
      outcome: "error",
      log: /neither string nor bytes/,
    });
    once("when there is less than the declared length", {
      app: closing(["a", "b"], "200 OK", [TEXT, ["content-length", "3"]]),
      outcome: "error",
      log: /content-length/,
    });
    once("when there is more than the declared length", {
      app: closing(["a", "bc"], "200 OK", [TEXT, ["content-length", "2"]]),
      outcome: "error",
      log: /content-length/,
    });
    once("when startResponse is never called", {
      app: closing(["a"], null),
      outcome: "error",
      log: /startResponse/,
    });
    once("when startResponse refuses a status in a generator", {
      app: closing(["a"], "200"),
      outcome: "error",
      log: /status/,
    });
    once("when startResponse refuses a header in a generator", {
      app: closing(["a"], "200 OK", [TEXT, ["connection", "x"]]),
      outcome: "error",
      log: /connection/,
    });
    once("when a header would split the reply", {
      app: closing(["a"], "200 OK", [TEXT, ["x", "a\r\nb"]]),
      outcome: "error",
      log: /x/,
    });
    once("when a header's name is no name", {
      app: closing(["a"], "200 OK", [TEXT, ["x y", "a"]]),
      outcome: "error",
      log: /x y/,
    });
    once("when a length is not a valid length", {
      app: closing(["a"], "200 OK", [TEXT, ["content-length", "a"]]),
      outcome: "error",
      log: /content-length/,
    });
    once("when it cannot be iterated at all", {
      app: (environ, start) => {
        start("200 OK", [TEXT]);
        return {
          [Symbol.iterator](): never {
            throw new Error("on purpose");
          },
          close: () => note(environ),
        };
      },
      outcome: "error",
      log: /on purpose/,
    });
    once("when it throws itself", {
      app: closing(["a"], "200 OK", [TEXT], new Error("on purpose")),
      outcome: "error",
      log: /on purpose/,
    });

    it("when the client leaves in the middle of a stream, after the generator's finally", async () => {
      const server = await serve(streaming());
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await client.until(/tick/);
      client.abort();
      expect(await outcomeOf(server)).to.equal("abort");
      await server.loop.close();
      expect(notes(server)).to.deep.equal(["finally", "closed"]);
    });

    it("when the client leaves without having read", async () => {
      const server = await serve((environ, start) => {
        start("200 OK", []);
        note(environ, "begun");
        const chunks = endless(() => note(environ, "finally"), 64 * 1024);
        return { [Symbol.iterator]: () => chunks, close: () => note(environ) };
      });
      const client = await RawClient.connect(server.port);
      client.socket.pause();
      client.request("GET /");
      await server.logged(({ msg }) => msg === "begun");
      for (let i = 0; i < 5; i++) await servesOthers(server);
      client.abort();
      expect(await outcomeOf(server)).to.equal("abort");
      await server.loop.close();
      expect(notes(server)).to.deep.equal(["begun", "finally", "closed"]);
    });

    it("when the loop does not wait any longer", async () => {
      const server = await serve(streaming(), { drainTimeoutMs: 0 });
      server.expectLog(/had to be halted/);
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await client.until(/tick/);
      await server.loop.close();
      expect(notes(server)).to.deep.equal(["finally", "closed"]);
    });

    // PEP 3333: the server "should stop iterating over the response when enough data has been sent"
    it("when a stream without an end has reached its declared length", async () => {
      const app = streaming(5, ["content-length", "10"]);
      const server = await serve(app, { drainTimeoutMs: 0 });
      server.expectLog(/content-length/, /had to be halted/);
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await client.until(/\r\n\r\ntick\ntick\n$/);
      for (let i = 0; i < 5; i++) await servesOthers(server);
      await server.logged(({ msg }) => msg === "closed");
      expect(notes(server)).to.deep.equal(["finally", "closed"]);
    });

    it("as a method of the result", async () => {
      const server = await serve((environ, start) => {
        start("200 OK", [TEXT]);
        const result = {
          *[Symbol.iterator]() {
            yield "a";
          },
          close() {
            note(environ, this === result ? "its own" : "another's");
          },
        };
        return result;
      });
      await (await fetch(server.url)).text();
      await server.logged(({ note }) => note === true);
      expect(notes(server)).to.deep.equal(["its own"]);
    });

    it("and does not hide the error that came before its own", async () => {
      const server = await serve(
        closing(
          [new Error("the cause")],
          "200 OK",
          [TEXT],
          new Error("of close()"),
        ),
      );
      server.expectLog(/./);
      await fetch(server.url);
      const { err } = await server.logged(({ level }) => level === 50);
      expect(err?.message).to.equal("the cause");
    });
  });

  describe("wsgi result that a client does not read", () => {
    const CHUNK = 64 * 1024;
    /** More than any buffers on the way hold. */
    const LIMIT = 2000;
    /** What a thread is ahead of a client that is slow: 64 MiB, in a file. */
    const AHEAD = isLoop ? 0 : 1024;

    const LENGTH: [string, string] = ["content-length", `${CHUNK * LIMIT}`];
    /** Notes each chunk. */
    const counting = portable(
      (limit: number, size: number, headers: [string, string][]): WsgiApp =>
        function* (environ, start) {
          start("200 OK", headers);
          const chunk = Buffer.alloc(size);
          for (let i = 0; i < limit; i++) {
            note(environ);
            yield chunk;
          }
        },
    );

    for (const [title, headers] of [
      ["without a length", [TEXT]],
      ["with a length", [TEXT, LENGTH]],
    ] as [string, [string, string][]][])
      it(`is not asked for more, and goes on when the client does (${title})`, async () => {
        const server = await serve(counting(LIMIT, CHUNK, headers));
        const count = (): number => notes(server).length;
        const client = await RawClient.connect(server.port);
        client.socket.pause();
        client.request("GET /");
        const stopped = await settled(server, count);
        expect(stopped).to.be.within(1, AHEAD + LIMIT / 4);
        client.socket.removeAllListeners("data").resume();
        expect(await outcomeOf(server)).to.equal("ok");
        expect(count()).to.equal(LIMIT);
      });

    it("holds nobody else up", async () => {
      const server = await serve(streaming(CHUNK));
      const client = await RawClient.connect(server.port);
      client.socket.pause();
      client.request("GET /");
      for (let i = 0; i < 5; i++) await servesOthers(server);
      client.abort();
    });
  });

  describe("wsgi result without an end that a client reads", () => {
    it("holds nobody else up", async () => {
      const server = await serve(streaming());
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await client.until(/tick/);
      for (let i = 0; i < 5; i++) await servesOthers(server);
      client.abort();
    });
  });

  describe("wsgi reply without a body", () => {
    const answering = portable(
      (
        status: string,
        headers: [string, string][],
        chunks: string[],
      ): WsgiApp =>
        (_, start) => {
          start(status, headers);
          return chunks;
        },
    );
    /** The head as sent, and the proof that nothing is behind it: the next reply on the same connection. */
    async function head(line: string, app: WsgiApp): Promise<string> {
      const server = await serve(app);
      const client = await RawClient.connect(server.port);
      client.request(line);
      await client.until(/\r\n\r\n/);
      client.request("GET /other");
      const [, first] = await client.until(
        /^([^]*?\r\n)\r\nHTTP[^]*\r\n\r\nhere$/,
      );
      return withoutEngine(first!);
    }

    it("has the length that GET would have, for HEAD with one chunk", async () => {
      const app = answering("200 OK", [TEXT], ["abc"]);
      expect(await head("HEAD /", app)).to.equal(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 3\r\n",
      );
    });

    it("has the declared length, for HEAD without a chunk", async () => {
      const app = answering("200 OK", [TEXT, ["content-length", "5"]], []);
      expect(await head("HEAD /", app)).to.equal(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n",
      );
    });

    it("has no length, for HEAD with many chunks", async () => {
      const app = answering("200 OK", [TEXT], ["a", "b"]);
      expect(await head("HEAD /", app)).to.equal(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n",
      );
    });

    for (const status of ["204 No Content", "304 Not Modified"])
      for (const [title, chunks] of [
        ["an empty result", []],
        ["one chunk", ["a"]],
        ["many chunks", ["a", "b"]],
      ] as const)
        it(`has its own headers alone, for ${status} with ${title}`, async () => {
          const app = answering(status, [["x-one", "1"]], [...chunks]);
          expect(await head("GET /", app)).to.equal(
            `HTTP/1.1 ${status}\r\nx-one: 1\r\n`,
          );
        });
  });
});

function* endless(done: () => void, size = 5): Generator<Chunk> {
  const chunk = "tick\n".padEnd(size, "tick\n");
  try {
    for (;;) yield chunk;
  } finally {
    done();
  }
}

/** The access line of the request to the application, also one to come. */
async function outcomeOf(server: TestServer): Promise<unknown> {
  const line = await server.logged(
    ({ msg, path }) => msg === "request" && path === "/",
  );
  return line.outcome;
}

/** Somebody else is served. */
async function servesOthers({ url }: TestServer): Promise<void> {
  expect(await (await fetch(`${url}/other`)).text()).to.equal("here");
}

/** What `count` comes to rest at: it stays the same while twenty others are served. */
async function settled(
  server: TestServer,
  count: () => number,
): Promise<number> {
  let last = count();
  for (let same = 0; same < 20; same++) {
    await servesOthers(server);
    if (count() !== last || last === 0) same = 0; // it may not have begun
    last = count();
  }
  return last;
}
