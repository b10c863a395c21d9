/** Streams of Node.js as bodies: what they hold open is let go, whatever becomes of the reply. */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { setImmediate as tick } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { stream, type Reply } from "../../../lib/index.ts";
import { until } from "../../../lib/operations.ts";
import { Gate } from "../../support/gate.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

const HERE = fileURLToPath(import.meta.url);

const unlike = (reply: unknown): Reply => reply as Reply;

const responseOf = (body: Readable, init?: ResponseInit): Response => {
  const web = Readable.toWeb(body) as ReadableStream;
  return init?.status === 204
    ? Object.defineProperty(new Response(web), "status", { value: 204 })
    : new Response(web, init);
};

describe("A stream of Node.js", () => {
  const unwanted: [
    title: string,
    method: string,
    reply: (body: Readable) => Reply,
  ][] = [
    ["for HEAD", "HEAD", (body) => stream(body)],
    ["with 304", "GET", (body) => ({ status: 304, body })],
    ["with 204", "GET", (body) => ({ status: 204, body })],
    ["in a reply that is none", "GET", (body) => ({ status: 999, body })],
    ["by itself", "GET", (body) => body as unknown as Reply],
    ["in a Response", "GET", (body) => responseOf(body, { status: 204 })],
    ["beside an unknown member", "GET", (body) => unlike({ body, a: 1 })],
    ["as an unknown member", "GET", (body) => unlike({ text: body })],
    ["as a header", "GET", (body) => unlike({ headers: body })],
    ["in an array", "GET", (body) => unlike([body])],
    ["in an array as a body", "GET", (body) => unlike({ body: [body, "x"] })],
    [
      "in a Response as a body",
      "GET",
      (body) => unlike({ body: responseOf(body) }),
    ],
    [
      "beside a header that is none",
      "GET",
      (body) => stream(body, { headers: { "a b": "" } }),
    ],
  ];
  for (const [title, method, reply] of unwanted)
    it(`is closed ${title}`, async () => {
      const file = createReadStream(HERE);
      const closed = new Promise<void>((resolve) => file.on("close", resolve));
      const server = await serveWith((loop) => loop.mount(() => reply(file)));
      server.expectLog(
        /InvalidReplyError|is not a valid|returned|a body is|made of/,
      );
      await (await fetch(server.url, { method })).text();
      await closed;
      expect(file.bytesRead).to.equal(0);
    });

  it("is closed when the client has left before there was a reply", async () => {
    const asked = new Gate();
    const left = new Gate();
    const file = createReadStream(HERE);
    const closed = once(file, "close");
    const server = await serveWith((loop) =>
      loop.mount(async (request) => {
        request.signal.addEventListener("abort", () => left.open());
        asked.open();
        await left.opened;
        return stream(file);
      }),
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await asked.opened;
    client.abort();
    await closed;
    expect(file.bytesRead).to.equal(0);
  });

  for (const [kind, handler] of Object.entries({
    "a promise": (reply: Promise<Reply>) => () => reply,
    "a wait": (reply: Promise<Reply>) => () => until(reply),
  }))
    it(`is closed when the client has left before ${kind} gives it`, async () => {
      const gate = new Gate();
      const file = createReadStream(HERE);
      const closed = once(file, "close");
      const reply = gate.opened.then(() => stream(file));
      const server = await serveWith((loop) => loop.mount(handler(reply)), {
        accessLog: true,
      });
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      while (server.loop.tasks().exchanges.length === 0) await tick();
      client.abort();
      await server.logged(({ outcome }) => outcome === "abort");
      gate.open();
      await closed;
      expect(file.bytesRead).to.equal(0);
    });

  it("is closed when the client leaves while it has nothing to give", async () => {
    const asked = new Gate();
    const source = new Readable({ read: () => asked.open() });
    const closed = once(source, "close");
    const server = await serveWith((loop) => loop.mount(() => stream(source)));
    const client = await RawClient.connect(server.port);
    client.request("GET /");
    await asked.opened;
    client.abort();
    await closed;
  });

  it("that fails is an error of the request, also where nobody wants it", async () => {
    const server = await serveWith((loop) =>
      loop.mount(() => stream(createReadStream("/no/such/file"))),
    );
    server.expectLog(/ENOENT/);
    expect((await fetch(server.url)).status).to.equal(500);
    expect((await fetch(server.url, { method: "HEAD" })).status).to.equal(200);
    const { err } = await server.logged(({ level }) => level === 40);
    expect(err?.message).to.match(/^ENOENT/);
  });
});

describe("A body whose iterator cannot be made", () => {
  for (const kind of [Symbol.iterator, Symbol.asyncIterator])
    for (const method of ["GET", "HEAD"])
      it(`${String(kind)}, ${method}: the exchange ends, and nothing of it is left`, async () => {
        const body = {
          [kind]() {
            throw new Error("cursor is closed");
          },
        } as unknown as Iterable<string>;
        const server = await serveWith((loop) =>
          loop.get("/now", () => stream(body)).mount(async () => stream(body)),
        );
        server.expectLog(/cursor is closed/);
        for (const path of ["/now", "/later"]) {
          const { status } = await fetch(server.url + path, { method });
          expect(status).to.equal(method === "HEAD" ? 200 : 500);
        }
        expect(server.loop.tasks().exchanges).to.deep.equal([]);
      });
});

describe("An iterator in a reply that is none", () => {
  for (const kind of ["sync", "async"])
    it(`is told to end: ${kind}`, async () => {
      const ended = new Gate();
      const iterator = {
        next: () => ({ done: false, value: "x" }),
        return: () => (ended.open(), { done: true, value: undefined }),
      };
      const key = kind === "sync" ? Symbol.iterator : Symbol.asyncIterator;
      const body = Object.assign(Object.create({}), { [key]: () => iterator });
      const server = await serveWith((loop) =>
        loop.mount(() => unlike({ body, unknown: 1 })),
      );
      server.expectLog(/returned an object with "unknown"/);
      expect((await fetch(server.url)).status).to.equal(500);
      await ended.opened;
    });
});
