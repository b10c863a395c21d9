import { expect } from "chai";
import {
  wsgi,
  type InputStream,
  type WsgiApp,
} from "../../../adapters/wsgi.ts";
import type { Application } from "../../../lib/index.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";
import { threaded } from "../../support/threads.ts";
import { asText, reading } from "./apps/reading.ts";

const LINES = "one\ntwo\n\nfour";
const ONE_CHUNK = ["content-length: 13"];

/** What `read` makes of wsgi.input; bytes and lines come back as text. */
async function readBack(
  app: Application,
  read: (input: InputStream) => unknown,
  body = LINES,
  head = [`content-length: ${body.length}`],
): Promise<unknown> {
  const { port } = await serveWith((loop) => loop.mount(app));
  const client = await RawClient.connect(port);
  const source = `x-read: ${encodeURIComponent(String(read))}`;
  client.request("POST /", [source, ...head], body);
  const [, found] = await client.until(/^HTTP\/1.1 200 [^]*\r\n\r\n([^]+)$/);
  return JSON.parse(Buffer.from(found!, "latin1").toString());
}

const WORLDS: [name: string, app: () => Application][] = [
  ["wsgi.input", () => wsgi(reading)],
  ["wsgi.input in a thread", () => threaded("reading", "reading")],
];

for (const [name, app] of WORLDS)
  describe(name, () => {
    const gives = (
      title: string,
      read: (input: InputStream) => unknown,
      expected: unknown,
      body?: string,
      head?: string[],
    ): unknown =>
      it(title, async () => {
        expect(await readBack(app(), read, body, head)).to.deep.equal(expected);
      });

    gives("gives all for read()", (input) => input.read(), LINES);
    gives("gives all for read(-1)", (input) => input.read(-1), LINES);
    gives(
      "gives the next bytes for read(n), and fewer at the end",
      (input) => [5, 0, 5, 5, 5].map((size) => input.read(size)),
      ["one\nt", "", "wo\n\nf", "our", ""],
    );
    gives(
      "gives the rest for read() after read(n)",
      (input) => [input.read(9), input.read(), input.read()],
      ["one\ntwo\n\n", "four", ""],
    );
    gives(
      "gives a line with its end for readline()",
      (input) => Array.from({ length: 6 }, () => input.readline()),
      ["one\n", "two\n", "\n", "four", "", ""],
    );
    gives(
      "gives at most n bytes of a line for readline(n)",
      (input) => [2, 10, 4, 3, 1, 0, -1].map((size) => input.readline(size)),
      ["on", "e\n", "two\n", "\n", "f", "", "our"],
    );
    gives(
      "gives all lines for readlines()",
      (input) => [input.readlines(), input.readlines()],
      [["one\n", "two\n", "\n", "four"], []],
    );
    gives(
      "stops after the line that reaches the hint for readlines(hint)",
      (input) => [input.readlines(4), input.readlines(1), input.readlines(100)],
      [["one\n"], ["two\n"], ["\n", "four"]],
    );
    gives(
      "goes on to the next line when the hint is within it",
      (input) => input.readlines(5),
      ["one\n", "two\n"],
    );
    gives(
      "gives all lines for a hint of 0 or below",
      (input) => [input.readlines(0).length, input.readlines(-1).length],
      [4, 0],
    );
    gives("iterates over lines", (input) => [...input], [
      "one\n",
      "two\n",
      "\n",
      "four",
    ]);
    gives(
      "goes on where an iteration was left",
      (input) => {
        for (const line of input)
          return [line, input.read(2), input.readline()];
        return [];
      },
      ["one\n", "tw", "o\n"],
    );
    gives(
      "takes only a newline as the end of a line",
      (input) => input.readlines(),
      ["a\rb\r\n", "c\x0b\x0c\x85d"],
      "a\rb\r\nc\x0b\x0c\x85d",
    );
    gives(
      "leaves bytes as they are",
      (input) => input.read(),
      "\0\r\n\x7f\x80\xc3\xff\xfe",
      "\0\r\n\x7f\x80\xc3\xff\xfe",
    );

    for (const [title, head] of [
      ["without a body", []],
      ["with an empty body", ["content-length: 0"]],
    ] as const)
      gives(
        `gives nothing for a request ${title}`,
        (input) => [
          input.read(),
          input.read(5),
          input.readline(),
          input.readlines(),
          [...input],
        ],
        ["", "", "", [], []],
        "",
        [...head],
      );

    gives(
      "has a body that came in pieces",
      (input) => input.readlines(),
      ["one\n", "two\n", "\n", "four"],
      "4\r\none\n\r\n1\r\nt\r\n8\r\nwo\n\nfour\r\n0\r\n\r\n",
      ["transfer-encoding: chunked"],
    );
  });

describe("wsgi.input on the loop", () => {
  it("has a body whose pieces came at different times", async () => {
    let found: unknown;
    const { port, url } = await serveWith((loop) =>
      loop
        .mount(
          wsgi((environ, start) => {
            found = environ["wsgi.input"].readlines();
            start("200 OK", []);
            return [];
          }),
        )
        .get("/other", () => "x"),
    );
    const client = await RawClient.connect(port);
    client.request("POST /", ONE_CHUNK, "on");
    for (const piece of ["e\ntw", "o\n\nfou", "r"]) {
      await fetch(`${url}/other`); // what was sent before has been received then
      expect(found).to.equal(undefined);
      client.send(piece);
    }
    await client.until(/\r\n\r\n/);
    expect(asText(found)).to.deep.equal(["one\n", "two\n", "\n", "four"]);
  });
});

describe("wsgi.errors", () => {
  /** The error lines of a request whose application is `app`, each with the id of its request. */
  async function lines(
    app: WsgiApp,
    ...expected: RegExp[]
  ): Promise<unknown[]> {
    const server = await serveWith((loop) => loop.mount(wsgi(app)), {
      accessLog: true,
    });
    server.expectLog(...expected);
    await fetch(server.url)
      .then((response) => response.text())
      .catch(() => {}); // cut, where the application fails late
    await server.loop.close();
    const { requestId } = server.accessLines[0]!;
    expect(requestId).to.be.a("string");
    const written = server.log.filter(({ level }) => level >= 40);
    for (const line of written) expect(line.requestId).to.equal(requestId);
    return written.map(({ msg }) => msg);
  }

  it("goes to the log line by line, with the request's id", async () => {
    const written = await lines((environ, start) => {
      const errors = environ["wsgi.errors"];
      errors.write("one\ntw");
      errors.write("o\n");
      errors.write("");
      errors.writelines(["three\n", "fo", "ur\n"]);
      start("200 OK", []);
      return [];
    }, /./);
    expect(written).to.deep.equal(["one", "two", "three", "four"]);
  });

  it("is at level error", async () => {
    const server = await serveWith((loop) =>
      loop.mount(
        wsgi((environ, start) => {
          environ["wsgi.errors"].write("trouble\n");
          start("200 OK", []);
          return [];
        }),
      ),
    );
    server.expectLog(/trouble/);
    await fetch(server.url);
    const { level } = await server.logged(({ msg }) => msg === "trouble");
    expect(level).to.equal(50);
  });

  it("logs half a line at flush(), and nothing for a flush() without any", async () => {
    const written = await lines((environ, start) => {
      const errors = environ["wsgi.errors"];
      errors.write("ha");
      errors.flush();
      errors.flush();
      errors.write("lf\n");
      errors.flush();
      start("200 OK", []);
      return [];
    }, /./);
    expect(written).to.deep.equal(["ha", "lf"]);
  });

  it("logs half a line when the application has returned", async () => {
    const written = await lines((environ, start) => {
      environ["wsgi.errors"].write("half");
      start("200 OK", []);
      return ["x"];
    }, /./);
    expect(written).to.deep.equal(["half"]);
  });

  it("logs half a line when the application throws", async () => {
    const written = await lines((environ) => {
      environ["wsgi.errors"].write("half");
      throw new Error("on purpose");
    }, /./);
    expect(written).to.deep.equal(["half", "GET / failed"]);
  });

  it("logs half a line of a streamed body at its end", async () => {
    const written = await lines(function* (environ, start) {
      start("200 OK", []);
      yield "a";
      environ["wsgi.errors"].write("half");
      yield "b";
    }, /./);
    expect(written).to.deep.equal(["half"]);
  });

  it("logs half a line also when close() throws", async () => {
    const written = await lines((environ, start) => {
      start("200 OK", []);
      return Object.assign(["a", "b"], {
        close() {
          environ["wsgi.errors"].write("half");
          throw new Error("on purpose");
        },
      });
    }, /./);
    expect(written).to.include("half");
  });

  it("logs half a line that close() has written", async () => {
    const written = await lines((environ, start) => {
      start("200 OK", []);
      return Object.assign(["a", "b"], {
        close: () => environ["wsgi.errors"].write("half"),
      });
    }, /./);
    expect(written).to.deep.equal(["half"]);
  });
});
