/** Mistakes of callers, and what looks like one. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { redirect, stream, type Reply } from "../../../lib/index.ts";
import { race, run, sleep } from "../../../lib/operations.ts";
import { afterTest } from "../../support/hooks.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";

onEachEngine((engine) => {
  describe("redirect()", () => {
    it("takes a URL", async () => {
      const server = await engine.serveWith((loop) =>
        loop.mount(() => redirect(new URL("http://example.org/é"))),
      );
      const response = await fetch(server.url, { redirect: "manual" });
      expect(response.headers.get("location")) //
        .to.equal("http://example.org/%C3%A9");
    });
  });

  describe("A reply", () => {
    const mistakes: [title: string, reply: () => unknown, says: RegExp][] = [
      [
        "with a bigint as status",
        () => ({ status: 200n, body: "" }),
        /200n is not a valid status; a reply has one from 200 to 599/,
      ],
      [
        "that redirects to nothing",
        () => redirect(undefined as never),
        /redirect\(\) takes a string or a URL, not a value of type undefined/,
      ],
      [
        "of an operation that yields a string",
        function* () {
          yield "a";
          return "";
        },
        /an operation yielded "a"; it waits by yield\* and an operation/,
      ],
      [
        "of an operation that yields a promise",
        function* () {
          yield Promise.resolve();
          return "";
        },
        /an operation yielded object; it waits by yield\* and an operation/,
      ],
    ];
    for (const [title, reply, says] of mistakes)
      it(`${title} says in the log what is wrong`, async () => {
        const server = await engine.serveWith((loop) =>
          loop.mount(reply as () => Reply),
        );
        server.expectLog(says);
        expect((await fetch(server.url)).status).to.equal(500);
        expect(server.log.some(({ err }) => says.test(err?.message ?? ""))) //
          .to.equal(true);
      });

    const resets: [title: string, reply: () => Reply][] = [
      ["text", () => ({ status: 205, body: "hello" })],
      ["nothing", () => ({ status: 205 })],
      ["a stream", () => stream(["hello"], { status: 205 })],
      [
        "a length",
        () => ({
          status: 205,
          headers: { "content-length": "5" },
          body: "hello",
        }),
      ],
    ];
    for (const [title, reply] of resets)
      it(`of 205 has no body, made of ${title}`, async () => {
        const server = await engine.serveWith((loop) => loop.mount(reply));
        const client = await RawClient.connect(server.port);
        client.request("GET /", ["Connection: close"]);
        const received = await client.untilClosed();
        expect(received).to.match(/^HTTP\/1.1 205 Reset Content\r\n/);
        expect(received).to.match(/\r\ncontent-length: 0\r\n/i);
        expect(received).to.match(/\r\n\r\n$/);
      });

    it("that was fetched keeps the coding that fetch does not decode, and `new Response(it.body, it)` has no wrong length", async () => {
      const bodies: Record<string, Buffer> = {
        gzip: gzipSync("hello hello hello"),
        unknown: Buffer.from("hello"),
      };
      const origin = createServer(({ url }, res) => {
        const coding = url!.slice(1);
        const body = bodies[coding]!;
        res.writeHead(200, {
          "content-encoding": coding,
          "content-length": body.length,
        });
        res.end(body);
      }).listen(0, "127.0.0.1");
      await once(origin, "listening");
      afterTest(() => origin.close().closeAllConnections());
      const { port } = origin.address() as AddressInfo;
      const get = (coding: string): Promise<Response> =>
        fetch(`http://127.0.0.1:${port}/${coding}`);
      const server = await engine.serveWith((loop) =>
        loop
          .get("/gzip", () => get("gzip"))
          .get("/unknown", () => get("unknown"))
          .get("/copy", async () => {
            const response = await get("gzip");
            return new Response(response.body, response);
          }),
      );
      const ask = async (path: string): Promise<string> => {
        const client = await RawClient.connect(server.port);
        client.request(`GET ${path}`, ["Connection: close"]);
        return await client.untilClosed();
      };
      const decoded = await ask("/gzip");
      expect(decoded).not.to.match(/content-encoding|content-length/i);
      expect(decoded).to.include("hello hello hello");
      expect(await ask("/unknown")).to.match(/content-encoding: unknown\r\n/i);
      const copy = await ask("/copy");
      expect(copy).not.to.match(/content-length/i);
      expect(copy).to.match(/hello hello hello\r\n0\r\n\r\n$/);
    });
  });
});

describe("sleep()", () => {
  for (const duration of [2 ** 31, Infinity])
    it(`of ${duration} does not end at once`, async () => {
      const ended = await run(() =>
        race([
          (function* () {
            yield* sleep(duration);
            return "slept";
          })(),
          (function* () {
            yield* sleep(20);
            return "still sleeping";
          })(),
        ]),
      );
      expect(ended).to.equal("still sleeping");
    });
});
