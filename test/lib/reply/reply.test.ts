import { expect } from "chai";
import { sleep } from "effection";
import { gzipSync } from "node:zlib";
import { CheckedHeaders } from "../../../lib/reply/headers.ts";
import {
  html,
  InvalidReplyError,
  json,
  redirect,
  stream,
  text,
  type Chunk,
  type GatewayResponse,
  type Handler,
  type Reply,
  type ReplyBody,
} from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";

/** For what the types forbid: here rules are broken on purpose. */
type Loose = any;
type Make = () => Reply;

const TEXT = "text/plain; charset=utf-8";
const WEB_TEXT = "text/plain;charset=UTF-8";
const HTML = "text/html; charset=utf-8";
const JSON_TYPE = "application/json";
const BYTES = "application/octet-stream";
const A_B = { "Content-Type": "a/b" };
const bytes = Buffer.from("Zoë");

/** Those of a buffer that another thread has by now. */
function transferred(): Uint8Array {
  const gone = new Uint8Array(4);
  structuredClone(gone, { transfer: [gone.buffer] });
  return gone;
}

const streamOfNone = (): Reply =>
  stream([transferred()], { headers: { "content-length": "0" } });

/** Every kind of handler with the same reply. */
const HANDLERS: Record<string, (make: Make) => Handler> = {
  "a plain handler": (make) => make,
  "an async handler": (make) => async () => make(),
  "an operation": (make) =>
    function* () {
      yield* sleep(0);
      return make();
    },
};

async function readResponse(): Promise<Response> {
  const response = new Response("once");
  for await (const _ of response.body!);
  return response;
}

const READ = await readResponse();

onEachEngine(({ serveWith }) => {
  async function get(handler: Handler): Promise<Response> {
    const server = await serveWith((loop) => loop.mount(handler));
    return fetch(server.url, { redirect: "manual" });
  }

  /** Status, content-type, content-length and body, "-" for what is missing. */
  async function seen(response: Response): Promise<string> {
    const { status, headers } = response;
    const fields = ["content-type", "content-length"].map(
      (name) => headers.get(name) ?? "-",
    );
    return [status, ...fields, await response.text()].join(" ");
  }

  /** Of a body that ends in the turn it begins in, the engine may know the length. */
  const ANY = " * ";

  describe("A reply", () => {
    const kinds: [title: string, make: Make, reply: string][] = [
      ["a string", () => "Zoë", `200 ${TEXT} 4 Zoë`],
      ["an empty string", () => "", `200 ${TEXT} 0 `],
      ["bytes", () => bytes, `200 ${BYTES} 4 Zoë`],
      ["a view of bytes", () => bytes.subarray(0, 2), `200 ${BYTES} 2 Zo`],
      ["no bytes", () => new Uint8Array(), `200 ${BYTES} 0 `],
      ["transferred bytes", transferred, `200 ${BYTES} 0 `],
      ["one with such", () => ({ body: transferred() }), `200 ${BYTES} 0 `],
      ["a stream of such", () => streamOfNone(), "200 - 0 "],
      ["null", () => null, "204 - - "],
      ["undefined", () => undefined, "204 - - "],
      ["an object", () => ({ status: 201, body: "x" }), `201 ${TEXT} 1 x`],
      ["one with bytes", () => ({ body: bytes }), `200 ${BYTES} 4 Zoë`],
      ["one without a body", () => ({ status: 202 }), "202 - 0 "],
      ["one with body null", () => ({ body: null }), "200 - 0 "],
      ["one with a type", () => ({ headers: A_B, body: "x" }), "200 a/b 1 x"],
      ["one with the length", () => sized(4, "Zoë"), `200 ${TEXT} 4 Zoë`],
      ["one with a stream", () => ({ body: ["Zo", "ë"] }), "200 - * Zoë"],
      ["a Response", () => new Response("Zoë"), `200 ${WEB_TEXT} 4 Zoë`],
      ["one of nothing", () => new Response(null, { status: 404 }), "404 - 0 "],
      [
        "a Response with a stream",
        () => new Response(webStream()),
        "200 - * Zoë",
      ],
      ["Response.json()", () => Response.json([1]), `200 ${JSON_TYPE} 3 [1]`],
      ["text()", () => text("Zoë"), `200 ${TEXT} 4 Zoë`],
      ["html()", () => html("<p>"), `200 ${HTML} 3 <p>`],
      ["json()", () => json({ a: "ë" }), `200 ${JSON_TYPE} 10 {"a":"ë"}`],
      ["json(null)", () => json(null), `200 ${JSON_TYPE} 4 null`],
      [
        "json() with undefined in it",
        () => json({ a: undefined }),
        `200 ${JSON_TYPE} 2 {}`,
      ],
      [
        "json() with checked headers",
        () => json([1], { headers: new CheckedHeaders({}) }),
        `200 ${JSON_TYPE} 3 [1]`,
      ],
      ["stream()", () => stream(["a", bytes]), "200 - * aZoë"],
      [
        "stream() with a type",
        () => stream(["a"], { headers: A_B }),
        "200 a/b * a",
      ],
      [
        "stream() with a status",
        () => stream(["a"], { status: 404 }),
        "404 - * a",
      ],
      [
        "text() with a status",
        () => text("x", { status: 404 }),
        `404 ${TEXT} 1 x`,
      ],
      ["text() with a type", () => text("x", { headers: A_B }), "200 a/b 1 x"],
      [
        "json() with a type in pairs",
        () => json(1, { headers: Object.entries(A_B) }),
        "200 a/b 1 1",
      ],
      [
        "html() with Headers",
        () => html("x", { headers: new Headers(A_B) }),
        "200 a/b 1 x",
      ],
    ];
    for (const [title, make, reply] of kinds)
      for (const [kind, handler] of Object.entries(HANDLERS))
        it(`may be ${title}, from ${kind}`, async () => {
          const found = await seen(await get(handler(make)));
          expect(
            reply.includes(ANY)
              ? found.replace(/ (-|\d+) (?=\S+$)/, ANY)
              : found,
          ).to.equal(reply);
        });

    it("keeps the other headers that a helper is given", async () => {
      const headers = {
        "x-a": ["1", "2"],
        "set-cookie": ["c=1", "d=2"],
        age: 5,
        none: undefined,
      };
      for (const make of [text, html, json]) {
        const response = await get(() => make("x", { headers }));
        expect(response.headers.get("x-a")).to.equal("1, 2");
        expect(response.headers.get("age")).to.equal("5");
        expect(response.headers.has("none")).to.equal(false);
        expect(response.headers.getSetCookie()).to.deep.equal(["c=1", "d=2"]);
      }
    });

    it("that is a Response keeps every set-cookie", async () => {
      const sent = new Response("x", { headers: { "x-a": "1" } });
      for (const cookie of ["c=1", "d=2"])
        sent.headers.append("set-cookie", cookie);
      const { headers } = await get(() => sent);
      expect(headers.get("x-a")).to.equal("1");
      expect(headers.getSetCookie()).to.deep.equal(["c=1", "d=2"]);
    });

    it("may be a Response that was fetched, though it came in another form", async () => {
      const headers = {
        "content-type": "a/b",
        "content-encoding": "gzip",
        "x-a": "1",
      };
      const upstream = await serveWith((loop) =>
        loop
          .mount("/sized", () => ({ headers, body: gzipSync("Zoë") }))
          .mount(() => ({ headers, body: [gzipSync("Zoë")] })),
      );
      for (const path of ["/sized", "/chunked"]) {
        const response = await get(() => fetch(upstream.url + path));
        expect(response.headers.get("x-a")).to.equal("1");
        expect(await seen(response)).to.equal("200 a/b - Zoë");
      }
    });

    const statuses: [reply: Reply, line: string][] = [
      [{}, "200 OK"],
      [{ status: 404 }, "404 Not Found"],
      [{ status: 299 }, "299 Unknown"],
      [{ status: 599 }, "599 Unknown"],
      [{ status: 200, statusText: "Fine" }, "200 Fine"],
      [{ status: 404, statusText: "Weg für immer" }, "404 Not Found"],
      [{ status: 418, statusText: "Short & stout" }, "418 Short & stout"],
      [new Response("", { statusText: "All right" }), "200 All right"],
    ];
    for (const [reply, line] of statuses)
      it(`may begin with ${line}`, async () => {
        const { status, statusText } = await get(() => reply);
        expect(`${status} ${statusText}`).to.equal(line);
      });

    const locations: [to: string, location: string][] = [
      ["/next?a=b#c", "/next?a=b#c"],
      ["https://example.org/a%20b", "https://example.org/a%20b"],
      ["/Zoë b", "/Zo%C3%AB%20b"],
      ["/a\r\nset-cookie: b", "/a%0D%0Aset-cookie:%20b"],
      ["http://[::1]:8080/", "http://[::1]:8080/"],
      ["/a\ud800", "/a%EF%BF%BD"],
    ];
    for (const [to, location] of locations)
      it(`may redirect to ${location}`, async () => {
        const response = await get(() => redirect(to));
        expect(response.headers.get("location")).to.equal(location);
        expect(await seen(response)).to.equal("302 - 0 ");
      });

    it("may redirect with another status", async () => {
      expect((await get(() => redirect("/", 308))).status).to.equal(308);
    });
  });

  function lockedStream(): ReadableStream {
    const stream = new ReadableStream();
    stream.getReader();
    return stream;
  }

  describe("No reply", () => {
    const wrong: [title: string, reply: Loose, message: RegExp][] = [
      ["a number", 5, /^a handler returned a number; a reply is a string, by/],
      ["true", true, /^a handler returned a boolean/],
      ["a symbol", Symbol("a"), /^a handler returned a symbol/],
      ["a function", () => "x", /^a handler returned a function/],
      [
        "an object with other keys",
        { data: 1 },
        /^a handler returned .* "data"/,
      ],
      ["an empty array", [], /^a handler returned an? /],
      ["an array", [1], /^a handler returned an? /],
      ["a Map", new Map([["a", 1]]), /^a handler returned an? /],
      ["an ArrayBuffer", new ArrayBuffer(5), /^a handler returned an? /],
      ["a Date", new Date(), /^a handler returned an? /],
      ["an Error", new Error("secret"), /^a handler returned an? /],
      ["a ReadableStream", new ReadableStream(), /^a handler returned an? /],
      ...Object.entries({
        FormData: new FormData(),
        Headers: new Headers(),
        URLSearchParams: new URLSearchParams("a=1"),
        String: new String("x"),
        Set: new Set(["a"]),
        Map: new Map([["a", 1]]),
        Array: ["a"],
      }).map(([name, value]): (typeof wrong)[number] => [
        `an object of the class ${name}, which is not an operation`,
        value,
        new RegExp(
          `^a handler returned an object of class ${name}, which can be iterated; a reply is a string, bytes`,
        ),
      ]),
      [
        "an async generator without stream()",
        (async function* () {})(),
        /^a handler returned an object, which can be iterated; a reply is/,
      ],
      [
        "the iterator of a collection, which has no throw()",
        [1, 2].values(),
        /^a handler returned an object(?: of class Iterator)?, which can be iterated; a reply is/,
      ],
      [
        "status 100",
        { status: 100 },
        /^100 is not a valid status; .* from 200 to 599$/,
      ],
      ["status 600", { status: 600 }, /^600 is not a valid status/],
      ["status 200.5", { status: 200.5 }, /^200.5 is not a valid status/],
      [
        "a status in a string",
        { status: "200" },
        /^"200" is not a valid status/,
      ],
      [
        "headers of null",
        { headers: null },
        /^headers are an object, pairs or/,
      ],
      ["headers in a string", { headers: "a: b" }, /^headers are .*"a: b"$/],
      [
        "a stream that is read already",
        { body: lockedStream() },
        /^somebody else reads this ReadableStream$/,
      ],
      [
        "a Response that was read already",
        READ,
        /^the body of this Response was read already, or sent; /,
      ],
      [
        "a function that writes and is neither an operation nor async",
        stream((() => {}) as never),
        /^a function that writes is an operation or async; /,
      ],
      [
        "an async generator function that was not called",
        stream(async function* () {
          yield "a";
        } as never),
        /; a generator of pieces is called first: stream\(rows\(\)\)$/,
      ],
      [
        "a status text of two lines",
        { statusText: "a\r\nb: c" },
        /^"a\\r\\nb: c" is not a valid reason phrase$/,
      ],
      ["a body of a number", { body: 5 }, /^a body is a string, bytes, /],
      ["a body of an object", { body: {} }, /^a body is a string, bytes, /],
      ["Response.error()", Response.error(), /^0 is not a valid status/],
      [
        "less than promised",
        sized(5, "Zoë"),
        /^the body has 4 bytes, .* says 5$/,
      ],
      [
        "more than promised",
        sized(3, "Zoë"),
        /^the body has 4 bytes, .* says 3$/,
      ],
      ["nothing of what was promised", sized(3, null), /^the body has 0 bytes/],
      [
        "much more than promised",
        sized(1, "x".repeat(300_000)),
        /^the body has 300000 bytes/,
      ],
    ];
    for (const [title, reply, message] of wrong)
      for (const [kind, handler] of Object.entries(HANDLERS))
        it(`is ${title}, from ${kind}`, async () => {
          const server = await serveWith((loop) =>
            loop.mount(handler(() => reply as Reply)),
          );
          server.expectLog(/^GET \/ failed/);
          const response = await fetch(server.url);
          expect(await seen(response)).to.equal(
            `500 ${TEXT} 26 something went wrong here\n`,
          );
          const { err } = await server.logged(({ level }) => level === 50);
          expect(err?.message).to.match(message);
          expect(err?.type).to.equal("InvalidReplyError");
        });

    const cycle: Loose = {};
    cycle.cycle = cycle;
    const formless: [title: string, data: unknown, message: RegExp][] = [
      ["a cycle", cycle, /^the data given to json\(\) has no JSON form$/],
      ["a bigint", 1n, /^the data given to json\(\) has no JSON form$/],
      [
        "undefined",
        undefined,
        /^undefined given to json\(\) has no JSON form$/,
      ],
      ["a symbol", Symbol("a"), /^symbol given to json\(\) has no JSON form$/],
    ];
    for (const [title, data, message] of formless)
      it(`is made by json() of ${title}`, () => {
        expect(() => json(data)).to.throw(InvalidReplyError, message);
      });
  });

  describe("A reply without a body", () => {
    /** The head; fails where anything but the next reply follows it. */
    async function head(make: Make, method: string): Promise<string> {
      const server = await serveWith((loop) =>
        loop.mount("/next", () => "next").mount(make),
      );
      const client = await RawClient.connect(server.port);
      client.request(`${method} /`);
      await client.until(/\r\n\r\n/);
      client.request("GET /next");
      await client.until(/next$/);
      client.abort();
      const [found, next] = client.received.split("\r\n\r\n");
      expect(next).to.match(/^HTTP\/1.1 200 /);
      return found!;
    }

    const lengths: [title: string, make: Make, length: number][] = [
      ["a string", () => "Zoë", 4],
      ["bytes", () => bytes, 4],
      ["nothing", () => ({ body: "" }), 0],
      ["a large string", () => "x".repeat(300_000), 300_000],
      ["an object with bytes", () => ({ body: bytes }), 4],
      ["a stream with a length", () => ({ ...sized(7, null), body: ["x"] }), 7],
    ];
    for (const [title, make, length] of lengths)
      it(`answers HEAD with the length of ${title}`, async () => {
        const lines = await head(make, "HEAD");
        expect(lines).to.match(new RegExp(`^content-length: ${length}$`, "im"));
      });

    const bodiless: [method: string, status: number][] = [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
      ["HEAD", 304],
    ];
    for (const [method, status] of bodiless) {
      const heading = new RegExp(
        `^HTTP/1.1 ${status} (?![^]*^(content-length|transfer-encoding):)`,
        "im",
      );

      it(`ends its source and does not ask it for anything: ${method}, ${status}`, async () => {
        const calls: string[] = [];
        const call = (name: string) => (): Loose => calls.push(name);
        const iterator = { next: call("next"), return: call("return") };
        const bodies: ReplyBody[] = [
          { [Symbol.iterator]: () => iterator },
          { [Symbol.asyncIterator]: () => iterator },
          new ReadableStream<Chunk>(
            { pull: call("pull"), cancel: call("cancel") },
            { highWaterMark: 0 },
          ),
          call("writer"),
        ];
        for (const body of bodies)
          expect(await head(() => ({ status, body }), method)).to.match(
            heading,
          );
        expect(calls).to.deep.equal(["return", "return", "cancel"]);
      });

      if (status !== 200)
        it(`has neither text nor length: ${method}, ${status}`, async () => {
          expect(await head(() => ({ status, body: "x" }), method)).to.match(
            heading,
          );
        });
    }
  });

  function sized(length: number, body: string | null): GatewayResponse {
    return { headers: { "content-length": length }, body };
  }

  function webStream(): ReadableStream<Uint8Array> {
    return new Blob(["Zo", "ë"]).stream();
  }
});
