import { expect } from "chai";
import { once, EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { stream, type Reply } from "../../../../lib/index.ts";
import { onEachEngine } from "../../../support/engines.ts";
import { RawClient } from "../../../support/raw-client.ts";

function* pieces(): Generator<string> {
  for (let i = 0; i < 5; i++) yield `piece ${i}\n`;
}

async function* awaited(): AsyncGenerator<string> {
  for (const piece of pieces()) {
    await Promise.resolve();
    yield piece;
  }
}

/** One buffer for all, as who reads files may have it. */
function* reused(): Generator<Buffer> {
  const buffer = Buffer.alloc("piece 0\n".length);
  for (const piece of pieces()) {
    buffer.write(piece);
    yield buffer;
  }
}

const OF_ONE_TURN: Record<string, () => Reply> = {
  "a generator": () => stream(pieces()),
  "a generator that uses its buffer again": () => stream(reused()),
  "an async generator": () => stream(awaited()),
  "a ReadableStream": () =>
    stream(
      new ReadableStream<string>({
        start(to) {
          for (const piece of pieces()) to.enqueue(piece);
          to.close();
        },
      }),
    ),
  "a stream of Node.js": () => stream(Readable.from(pieces())),
  "an operation that writes": () =>
    stream(function* (out) {
      for (const piece of pieces()) yield* out.write(piece);
    }),
  "an async function that writes": () =>
    stream(async (out) => {
      for (const piece of pieces()) await out.write(piece);
    }),
};

onEachEngine(({ name, serveWith }) => {
  describe("Chunks of one turn of the loop", () => {
    for (const [title, reply] of Object.entries(OF_ONE_TURN))
      it(`of ${title} arrive in order, and leave uWebSockets.js as one`, async () => {
        const server = await serveWith((loop) => loop.mount(reply));
        const client = await RawClient.connect(server.port);
        client.request("GET /");
        await client.until(/\r\n0\r\n\r\n$|\r\n\r\npiece 0[^]*piece 4\n$/);
        client.abort();
        const [, body = ""] = client.received.split(/\r\n\r\n(.*)/s);
        expect(body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, "").trim()).to.equal(
          "piece 0\npiece 1\npiece 2\npiece 3\npiece 4",
        );
        if (name === "uws")
          expect(client.received).to.match(/^content-length: 40\r$/im);
      });

    it("leave uWebSockets.js as one chunk where the body goes on", async () => {
      const server = await serveWith((loop) =>
        loop.mount(() =>
          stream(async (out) => {
            for (const piece of pieces()) await out.write(piece);
            await setImmediate();
            await out.write("more");
          }),
        ),
      );
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await client.until(/\r\n0\r\n\r\n$/);
      client.abort();
      const [, body = ""] = client.received.split(/\r\n\r\n(.*)/s);
      const sizes = body.match(/^[0-9a-f]+\r$/gm);
      if (name === "uws")
        expect(sizes).to.have.length(3); // Node.js has its own ways
      else expect(sizes!.at(-1)).to.equal("0\r");
    });

    it("do not wait for the next turn: each is there while the source waits for its reader", async () => {
      const reader = new EventEmitter();
      const server = await serveWith((loop) =>
        loop.mount(() =>
          stream(async (out) => {
            for (const piece of pieces()) {
              await out.write(piece);
              await once(reader, "read");
            }
          }),
        ),
      );
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      for (let i = 0; i < 5; i++) {
        await client.until(new RegExp(`piece ${i}\n`));
        reader.emit("read");
      }
      await client.until(/\r\n0\r\n\r\n$/);
      client.abort();
    });
  });
});
