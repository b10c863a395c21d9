/** Replies that are compressed, byte by byte on both engines. */
import { request as ask } from "node:http";
import { once } from "node:events";
import * as zlib from "node:zlib";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { expect } from "chai";
import { sleep, suspend } from "effection";
import {
  events,
  json,
  stream,
  UsageError,
  type Handler,
} from "../../../lib/index.ts";
import {
  compress,
  etag,
  type CompressOptions,
  type Encoding,
} from "../../../lib/middleware/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { Gate } from "../../support/gate.ts";

const TEXT = "für alle, und noch einmal: ".repeat(200);
const { zstdDecompressSync } = zlib as {
  zstdDecompressSync?: (data: Buffer) => Buffer;
};

const decoders: Record<string, (data: Buffer) => Buffer> = {
  br: (data) => zlib.brotliDecompressSync(data),
  gzip: (data) => zlib.gunzipSync(data),
  ...(zstdDecompressSync && { zstd: zstdDecompressSync }), // from Node.js 22.15 on
};
const ENCODINGS = Object.keys(decoders) as Encoding[];

async function begin(
  url: string,
  accepted: string | undefined,
  { method = "GET", headers = {} } = {},
): Promise<IncomingMessage> {
  const its =
    accepted === undefined
      ? headers
      : { ...headers, "accept-encoding": accepted };
  const [reply] = (await once(
    ask(url, { method, headers: its, agent: false }).end(),
    "response",
  )) as [IncomingMessage];
  return reply;
}

interface Got {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

async function get(...of: Parameters<typeof begin>): Promise<Got> {
  const reply = await begin(...of);
  const pieces: Buffer[] = [];
  for await (const piece of reply) pieces.push(piece as Buffer);
  return {
    status: reply.statusCode!,
    headers: reply.headers,
    body: Buffer.concat(pieces),
  };
}

const bodies: Record<string, Handler> = {
  text: () => TEXT,
  bytes: () => ({
    headers: { "content-type": "text/plain" },
    body: Buffer.from(TEXT),
  }),
  "a whole body with its length": () => ({
    headers: {
      "content-type": "text/plain",
      "content-length": Buffer.byteLength(TEXT),
    },
    body: TEXT,
  }),
  "an async function": async () => TEXT,
  "an operation": function* () {
    yield* sleep(0);
    return TEXT;
  },
  "a Response": () => new Response(TEXT),
  "an iterable": () => ({
    headers: { "content-type": "text/html" },
    body: TEXT.match(/.{100}|.+/gs)!,
  }),
  "an async generator": () =>
    stream(
      (async function* () {
        for (const piece of TEXT.match(/.{500}|.+/gs)!) yield piece;
      })(),
      { headers: { "content-type": "text/html" } },
    ),
  "an operation that writes": () =>
    stream(
      function* (out) {
        for (const piece of TEXT.match(/.{500}|.+/gs)!) yield* out.write(piece);
      },
      { headers: { "content-type": "text/html" } },
    ),
  "an async function that writes, and waits for nothing": () =>
    stream(
      async (out) => {
        for (const piece of TEXT.match(/.{500}|.+/gs)!) void out.write(piece);
      },
      { headers: { "content-type": "text/html" } },
    ),
};

onEachEngine((engine) => {
  const serving = (handler: Handler, options: CompressOptions = {}) =>
    engine.serveWith((loop) => loop.use(compress(options)).mount(handler));

  describe("compress", () => {
    for (const [what, handler] of Object.entries(bodies))
      for (const encoding of ENCODINGS)
        it(`${encoding} of ${what}`, async () => {
          const { url } = await serving(handler);
          const { headers, body } = await get(url, encoding);
          expect(headers["content-encoding"]).to.equal(encoding);
          expect(headers.vary).to.equal("accept-encoding");
          expect(decoders[encoding]!(body).toString()).to.equal(TEXT);
          expect(body.length).to.be.below(TEXT.length / 2);
        });

    it("chooses by what the client likes, then by what is small", async () => {
      const { url } = await serving(() => TEXT, { encodings: ["br", "gzip"] });
      const chosen = async (accepted?: string) =>
        (await get(url, accepted)).headers["content-encoding"];
      expect(await chosen("gzip, deflate, br, zstd")).to.equal("br");
      expect(await chosen("gzip;q=1, br;q=0.5")).to.equal("gzip");
      expect(await chosen("GZIP")).to.equal("gzip");
      expect(await chosen("*")).to.equal("br");
      expect(await chosen("*, br;q=0")).to.equal("gzip");
      expect(await chosen("gzip;q=0")).to.equal(undefined);
      expect(await chosen("identity, gzip;q=0.5")).to.equal(undefined);
      expect(await chosen("deflate")).to.equal(undefined);
      expect(await chosen("")).to.equal(undefined);
      expect(await chosen()).to.equal(undefined);
    });

    it("says vary, also where it has nothing to do", async () => {
      const { url } = await serving(() => ({
        headers: { vary: "Origin" },
        body: TEXT,
      }));
      expect((await get(url, undefined)).headers.vary).to.equal(
        "Origin, accept-encoding",
      );
    });

    const left: Record<string, Handler> = {
      "what is short": () => "hello",
      "what is short by its length": () => ({
        headers: { "content-type": "text/plain", "content-length": 5 },
        body: ["hello"],
      }),
      pictures: () => ({
        headers: { "content-type": "image/png" },
        body: TEXT,
      }),
      "bytes of no type": () => Buffer.from(TEXT),
      "what is compressed": () => ({
        headers: { "content-type": "text/plain", "content-encoding": "x" },
        body: TEXT,
      }),
      parts: () => ({
        status: 206,
        headers: {
          "content-type": "text/plain",
          "content-range": "bytes 0-9/10",
        },
        body: TEXT,
      }),
      "what must not be transformed": () => ({
        headers: { "cache-control": "public, no-transform" },
        body: TEXT,
      }),
      "what has a digest": () => ({
        headers: { "repr-digest": "sha-256=:x:" },
        body: TEXT,
      }),
    };
    for (const [what, handler] of Object.entries(left))
      it(`leaves ${what} as it is`, async () => {
        const [one, other] = [
          await serving(handler),
          await engine.serveWith((loop) => loop.mount(handler)),
        ];
        const [{ headers, body }, its] = [
          await get(one.url, "br, gzip"),
          await get(other.url, "br, gzip"),
        ];
        expect({ ...headers, date: "" }).to.deep.equal({
          ...its.headers,
          date: "",
        });
        expect(body).to.deep.equal(its.body);
      });

    it("never compresses twice, however often it is used", async () => {
      const { url } = await engine.serveWith((loop) =>
        loop
          .use(compress())
          .use(compress())
          .mount(() => TEXT),
      );
      const { body } = await get(url, "gzip");
      expect(zlib.gunzipSync(body).toString()).to.equal(TEXT);
    });

    it("makes an etag a weak one, which a client may ask with again", async () => {
      const { url } = await engine.serveWith((loop) =>
        loop
          .use(compress())
          .use(etag())
          .mount(() => TEXT),
      );
      const tag = (await get(url, "gzip")).headers.etag!;
      expect(tag).to.match(/^W\/"[^"]+"$/);
      const headers = { "if-none-match": tag };
      const again = await get(url, "gzip", { headers });
      expect([again.status, again.body.length]).to.deep.equal([304, 0]);
      expect(again.headers.vary).to.equal("accept-encoding");
      expect(again.headers).to.not.have.property("content-encoding");
    });

    it("answers HEAD with the head of GET, and ends the body that is not sent", async () => {
      let ended = 0;
      const { url } = await engine.serveWith((loop) =>
        loop
          .use(compress())
          .get("/whole", () => TEXT)
          .get("/stream", () => ({
            headers: { "content-type": "text/plain" },
            body: {
              [Symbol.asyncIterator]: () => ({
                next: async () => ({ done: false, value: TEXT }),
                return: async () => ({ done: true, value: void ended++ }),
              }),
            } as AsyncIterable<string>,
          })),
      );
      const whole = await get(`${url}/whole`, "gzip");
      const head = await get(`${url}/whole`, "gzip", { method: "HEAD" });
      expect(head.headers["content-length"]).to.equal(
        String(whole.body.length),
      );
      const streamed = await get(`${url}/stream`, "gzip", { method: "HEAD" });
      expect(streamed.headers["content-encoding"]).to.equal("gzip");
      expect(ended).to.equal(1);
    });

    for (const accepted of ENCODINGS)
      for (const kind of ["writer", "generator"])
        it(`sends each event of a stream as it is made: ${accepted}, ${kind}`, async () => {
          const gates = [new Gate(), new Gate()];
          const headers = { "content-type": "text/event-stream" };
          const { url } = await serving(() =>
            kind === "writer"
              ? stream(
                  async (out) => {
                    await out.write("data: one\n\n");
                    await gates[0]!.opened;
                    await out.write("data: two\n\n");
                    await gates[1]!.opened;
                  },
                  { headers },
                )
              : stream(
                  (async function* () {
                    yield "data: one\n\n";
                    await gates[0]!.opened;
                    yield "data: two\n\n";
                    await gates[1]!.opened;
                  })(),
                  { headers },
                ),
          );
          const reply = await begin(url, accepted);
          expect(reply.headers["content-encoding"]).to.equal(accepted);
          const make = {
            gzip: zlib.createGunzip,
            br: zlib.createBrotliDecompress,
            zstd: (zlib as any).createZstdDecompress,
          }[accepted];
          const events = reply.pipe(make())[Symbol.asyncIterator]();
          const next = async () => String((await events.next()).value);
          expect(await next()).to.equal("data: one\n\n");
          gates[0]!.open();
          expect(await next()).to.equal("data: two\n\n");
          gates[1]!.open();
          expect((await events.next()).done).to.equal(true);
        });

    it("compresses large bodies piece by piece", async () => {
      const rows = Array.from({ length: 40_000 }, (_, i) => ({
        i,
        row: i * 7,
      }));
      const { url } = await serving(() => json(rows));
      const { headers, body } = await get(url, "br");
      expect(headers).to.not.have.property("content-length");
      expect(
        JSON.parse(zlib.brotliDecompressSync(body).toString()),
      ).to.deep.equal(rows);
    });

    it("ends the source at once when the client leaves, whatever it waits for", async () => {
      const ended = new Gate();
      const { url } = await serving(() => ({
        headers: { "content-type": "text/event-stream" },
        body: {
          [Symbol.asyncIterator]() {
            let first = true;
            return {
              next: () =>
                first
                  ? ((first = false),
                    Promise.resolve({ done: false, value: "data: 1\n\n" }))
                  : new Promise(() => {}),
              return: async () => {
                ended.open();
                return { done: true, value: undefined };
              },
            };
          },
        } as unknown as AsyncIterable<string>,
      }));
      const reply = await begin(url, "gzip");
      await once(reply, "data");
      reply.destroy();
      await ended.opened;
    });

    it("halts an operation that writes when the client leaves", async () => {
      const ended = new Gate();
      const { url } = await serving(() =>
        stream(
          function* (out) {
            try {
              yield* out.write("data: 1\n\n");
              yield* suspend();
            } finally {
              ended.open();
            }
          },
          { headers: { "content-type": "text/event-stream" } },
        ),
      );
      const reply = await begin(url, "br");
      await once(reply, "data");
      reply.destroy();
      await ended.opened;
    });

    it("leaves events() whole when the loop drains: the last one, and the end", async () => {
      const server = await engine.serveWith((loop) =>
        loop.use(compress()).get("/", () =>
          events(function* (out) {
            yield* out.send("one");
            yield* suspend();
          }),
        ),
      );
      const reply = await begin(server.url, "gzip");
      const pieces: Buffer[] = [];
      reply.on("data", (piece: Buffer) => pieces.push(piece));
      await once(reply, "data");
      void server.loop.close();
      await once(reply, "end");
      const text = zlib.gunzipSync(Buffer.concat(pieces)).toString();
      expect(text).to.equal(":\n\ndata: one\n\n");
    });

    it("cuts the reply when its source fails, and answers 500 before the first piece", async () => {
      const server = await engine.serveWith((loop) =>
        loop
          .use(compress())
          .get("/early", () => ({
            headers: { "content-type": "text/html" },
            // oxlint-disable-next-line require-yield
            body: (async function* (): AsyncGenerator<string> {
              throw new Error("early");
            })(),
          }))
          .get("/late", () => ({
            headers: { "content-type": "text/html" },
            body: (async function* () {
              yield TEXT;
              throw new Error("late");
            })(),
          })),
      );
      server.expectLog(/failed/);
      const early = await get(`${server.url}/early`, "gzip");
      expect(early.status).to.equal(500);
      expect(early.headers).to.not.have.property("content-encoding");
      const late = await get(`${server.url}/late`, "gzip").catch(
        (error: Error) => error,
      );
      expect(late).to.be.instanceOf(Error);
    });
  });
});

describe("compress", () => {
  it("refuses options that it does not know", () => {
    expect(() => compress({ level: 9 } as never)).to.throw(
      UsageError,
      "minBytes",
    );
    expect(() => compress({ encodings: ["deflate"] as never })).to.throw(
      UsageError,
      '"br"',
    );
  });
});
