import { expect } from "chai";
import { CheckedHeaders } from "../../../lib/reply/headers.ts";
import { RequestHeaders } from "../../../lib/request/headers.ts";
import {
  InvalidReplyError,
  json,
  type GatewayResponse,
  type ReplyHeaders,
} from "../../../lib/index.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";

/** For what the types forbid: here rules are broken on purpose. */
type Loose = any;
type Given = Exclude<ReplyHeaders, CheckedHeaders>;

const BAD: [title: string, headers: Loose, message: RegExp][] = [
  ["an empty name", { "": "x" }, /^"" is not a valid header name$/],
  ["a name with a space", { "a b": "x" }, /^"a b" is not a valid header name$/],
  ["a name with a colon", { "a:b": "x" }, /is not a valid header name$/],
  [
    "a name with a line break",
    { "a\r\nb": "x" },
    /"a\\r\\nb" is not a valid header n/,
  ],
  ["a name with a NUL", { "a\0": "x" }, /is not a valid header name$/],
  ["a name beyond ASCII", { é: "x" }, /is not a valid header name$/],
  [
    "a name that is no string",
    [[1, "x"]],
    /^number 1 is not a valid header name$/,
  ],
  [
    "a value with CR LF",
    { a: "x\r\ny: z" },
    /^header a: .* not a valid header value$/,
  ],
  [
    "a value with CR",
    { a: "x\ry" },
    /^header a: "x\\ry" is not a valid header value$/,
  ],
  [
    "a value with LF",
    { a: "x\ny" },
    /^header a: "x\\ny" is not a valid header value$/,
  ],
  ["a value that ends in LF", { a: "x\n" }, /is not a valid header value$/],
  ["a value with a NUL", { a: "x\0y" }, /is not a valid header value$/],
  [
    "a value with a control character",
    { a: "\x1b[1m" },
    /is not a valid header value$/,
  ],
  ["a value with DEL", { a: "\x7f" }, /is not a valid header value$/],
  [
    "a value beyond latin-1",
    { a: "€" },
    /^header a: "€" is not a valid header value$/,
  ],
  [
    "a bad value in an array",
    { a: ["x", "y\n"] },
    /"y\\n" is not a valid header value/,
  ],
  [
    "a bad value in pairs",
    [["a", "y\n"]],
    /"y\\n" is not a valid header value$/,
  ],
  [
    "a number in an array",
    { a: [1] },
    /^header a: number 1 is not a valid header/,
  ],
  [
    "a value that is null",
    { a: null },
    /^header a: .*null is not a valid header value/,
  ],
  [
    "a pair without a value",
    [["a"]],
    /^header a: undefined .*not a valid header value/,
  ],
  [
    "transfer-encoding",
    { "transfer-encoding": "chunked" },
    /gateway's; stream/,
  ],
  ["Transfer-Encoding", [["Transfer-Encoding", "gzip"]], /gateway's; stream/],
  [
    "a negative length",
    { "content-length": "-1" },
    /"-1" is not a valid length$/,
  ],
  [
    "a length in words",
    { "Content-Length": "five" },
    /"five" is not a valid length$/,
  ],
  [
    "two lengths in one",
    { "content-length": "5, 5" },
    /"5, 5" is not a valid length$/,
  ],
  ["an empty length", { "content-length": "" }, /"" is not a valid length$/],
  ["half a byte", { "content-length": 1.5 }, /"1.5" is not a valid length$/],
  ["more than all bytes", { "content-length": 1e21 }, /is not a valid length$/],
  ["an upgrade", { connection: "upgrade" }, /only "close" can be asked for$/],
  ["a list for connection", { connection: "close, x" }, /only "close" can be/],
];

describe("A reply's headers", () => {
  for (const [title, headers, message] of BAD)
    it(`cannot have ${title}`, () => {
      expect(() => new CheckedHeaders(headers as Given)).to.throw(
        InvalidReplyError,
        message,
      );
    });

  const good: [title: string, headers: Given, fields: unknown][] = [
    ["an object", { "X-a": "1", b: "2" }, ["X-a", "1", "b", "2"]],
    [
      "pairs",
      [
        ["a", "1"],
        ["a", "2"],
      ],
      ["a", "1", "a", "2"],
    ],
    ["a Map", new Map([["a", "1"]]), ["a", "1"]],
    ["Headers", new Headers({ B: "2", A: "1" }), ["a", "1", "b", "2"]],
    ["arrays of values", { a: ["1", "2"] }, ["a", "1", "a", "2"]],
    ["an empty array", { a: [] }, []],
    ["numbers", { age: 5 }, ["age", "5"]],
    ["undefined for nothing", { a: undefined, b: "2" }, ["b", "2"]],
    ["an empty value", { a: "" }, ["a", ""]],
    ["a tab in a value", { a: "x\ty" }, ["a", "x\ty"]],
    [
      "every sign of a token",
      { "!#$%&'*+-.^_`|~0aZ": "x" },
      ["!#$%&'*+-.^_`|~0aZ", "x"],
    ],
    ["latin-1 as bytes", { a: "é\xff" }, ["a", Buffer.from([0xe9, 0xff])]],
    [
      "names that every object has",
      [
        ["__proto__", "1"],
        ["constructor", "2"],
      ],
      ["__proto__", "1", "constructor", "2"],
    ],
    ["date, which is no field like others", { date: "now" }, []],
  ];
  for (const [title, headers, fields] of good)
    it(`can have ${title}`, () =>
      expect(new CheckedHeaders(headers).fields).to.deep.equal(fields));

  it("tell the gateway what they say of the body and the connection", () => {
    const headers = { "Content-Type": "a/b", "Content-Length": "5" };
    const none = { hasContentType: false, contentLength: undefined };
    expect(new CheckedHeaders({})).to.include({ ...none, close: false });
    expect(
      new CheckedHeaders({ ...headers, Connection: "Close" }),
    ).to.deep.equal({
      fields: ["Content-Type", "a/b"],
      hasContentType: true,
      contentLength: 5,
      close: true,
      date: undefined,
    });
    expect(new CheckedHeaders({ connection: "keep-alive" }).close).to.equal(
      false,
    );
    const date = "Sun, 06 Nov 1994 08:49:37 GMT";
    expect([...new CheckedHeaders({ date })]).to.deep.equal([["date", date]]);
    expect(new CheckedHeaders({ date: "now" }).date).to.equal(undefined);
  });
});

describe("The wire", () => {
  /** What a reply with these headers looks like to a client, to the end of its head. */
  async function wire(headers: ReplyHeaders): Promise<string> {
    const server = await serveWith((loop) =>
      loop.mount(() => ({ headers, body: "hello" })),
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    const [head] = await client.until(/^[^]*?\r\n\r\n/);
    client.abort();
    return head;
  }

  it("has repeated fields one by one, set-cookie among them", async () => {
    const head = await wire({ "set-cookie": ["a=1; Path=/", "b=2"] });
    expect(head).to.include("set-cookie: a=1; Path=/\r\nset-cookie: b=2\r\n");
    const pairs = new Headers([
      ["set-cookie", "c=3"],
      ["set-cookie", "d=4"],
    ]);
    expect(await wire(pairs)).to.match(/set-cookie: c=3\r\nset-cookie: d=4\r/);
  });

  it("has latin-1 as one byte a character", async () => {
    expect(await wire({ "x-name": "Zoë \xff" })).to.include(
      "x-name: Zoë \xff\r\n",
    );
  });

  it("has headers that were checked before, each time the same", async () => {
    const checked = new CheckedHeaders({ "x-a": ["1", "é"] });
    for (let round = 0; round < 2; round++) {
      const head = await wire(checked);
      expect(head).to.include("x-a: 1\r\nx-a: é\r\n");
      expect(head.match(/^content-type: /gim)).to.have.length(1);
    }
  });

  it("has one date and one content-length, whatever the application says", async () => {
    const head = await wire({ Date: "today", "Content-Length": "5" });
    expect(head.match(/^date: .*$/gim))
      .to.have.length(1)
      .and.match(/GMT/);
    expect(head.match(/^content-length: .*$/gim)?.join()).to.match(/^.*: 5$/i);
  });

  const closing: [title: string, method: string, reply: GatewayResponse][] = [
    ["a whole body", "GET", { body: "hello" }],
    ["a large body", "GET", { body: "x".repeat(300_000) }],
    ["a stream", "GET", { body: ["hello"] }],
    ["no body", "HEAD", { body: "hello" }],
    ["nothing", "GET", { status: 204 }],
  ];
  for (const [title, method, reply] of closing)
    it(`has one connection: close for a reply of ${title} that asks for it`, async () => {
      const headers = { connection: "close" };
      const server = await serveWith((loop) =>
        loop.mount(() => ({ ...reply, headers })),
      );
      const client = await RawClient.connect(server.port);
      client.request(`${method} /`);
      await client.until(/\r\n\r\n/);
      const found = client.received.match(/^connection: .*$/gim);
      expect(found?.join().toLowerCase()).to.equal("connection: close");
      if (reply.body === "hello" && method === "GET")
        await client.untilClosed();
      client.abort();
    });

  describe("has nothing of", () => {
    let server: TestServer;
    beforeEach(async () => {
      server = await serveWith((loop) =>
        loop.get("/:row", ({ params }) => {
          const bad = BAD[Number(params.row)]![1] as Loose;
          const headers: Loose = Array.isArray(bad)
            ? [["x-first", "1"], ...(bad as string[][])]
            : { "x-first": "1", ...bad };
          return { headers, body: "never sent" };
        }),
      );
      server.expectLog(/^GET \/\d+ failed /);
    });

    BAD.forEach(([title, , message], row) =>
      it(`a reply that has ${title}`, async () => {
        const client = await RawClient.connect(server.port);
        client.request(`GET /${row}`);
        await client.until(/something went wrong here\n$/);
        const [status, ...lines] = client.received
          .split("\r\n\r\n")[0]!
          .toLowerCase()
          .split("\r\n")
          .filter(
            (line) => !/^(date|uwebsockets|connection|keep-alive): /.test(line),
          );
        expect(status).to.equal("http/1.1 500 internal server error");
        expect(lines.sort()).to.deep.equal([
          "content-length: 26",
          "content-type: text/plain; charset=utf-8",
        ]);
        client.abort();
        const { err } = await server.logged(({ level }) => level === 50);
        expect(err?.type).to.equal("InvalidReplyError");
        expect(err?.message).to.match(message);
      }),
    );
  });
});

describe("A request's headers", () => {
  const headers = new RequestHeaders([
    "accept",
    "a/b",
    "cookie",
    "a=1",
    "accept",
    "c/d",
    "cookie",
    "b=2",
    "e",
    "",
  ]);

  const values: [name: string, value: string | undefined][] = [
    ["accept", "a/b, c/d"],
    ["ACCEPT", "a/b, c/d"],
    ["Cookie", "a=1; b=2"],
    ["e", ""],
    ["missing", undefined],
    ["__proto__", undefined],
  ];
  for (const [name, value] of values)
    it(`have ${name} as ${value ?? "nothing"}`, () => {
      expect(headers.get(name)).to.equal(value);
      expect(headers.has(name)).to.equal(value !== undefined);
    });

  it("are listed once each, joined as `get` joins them", () => {
    expect([...headers]).to.deep.equal([
      ["accept", "a/b, c/d"],
      ["cookie", "a=1; b=2"],
      ["e", ""],
    ]);
  });

  it("come from the wire with names in lower case and values as sent", async () => {
    const server = await serveWith((loop) =>
      loop.mount(({ headers: { raw } }) => json(raw)),
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /", ["X-One: 1", "x-ONE:two  words\t", "X-Empty:"]);
    const [, body] = await client.until(/\r\n\r\n(\[.*\])$/);
    expect(JSON.parse(body!)).to.deep.equal([
      "host",
      "test",
      "x-one",
      "1",
      "x-one",
      "two  words",
      "x-empty",
      "",
    ]);
    client.abort();
  });
});
