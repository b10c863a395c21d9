/** What replies say of their connections: that they stay open and for how long, or that they end. */
import { expect } from "chai";
import { stream, type Loop } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";

const REPLIES: Record<string, string> = {
  "/plain": "GET",
  "/typed": "GET",
  "/bytes": "GET",
  "/streamed": "GET",
  "/nothing": "GET",
  "/created": "POST",
  "/bare": "GET",
  "/plain?": "HEAD",
  "/nobody": "GET",
  "/fails": "GET",
};

function serve(loop: Loop): void {
  loop.get("/plain", () => "plain");
  loop.get("/typed", () => ({ headers: { etag: '"a"' }, body: "typed" }));
  loop.get("/bytes", () => ({ headers: { "x-name": "é" }, body: "é" }));
  loop.get("/streamed", () => stream(["a", "b"]));
  loop.get("/nothing", () => null);
  loop.get("/bare", () => ({ status: 204 }));
  loop.post("/created", async (request) => {
    await request.bytes();
    return { status: 201, body: "created" };
  });
  loop.get("/fails", () => {
    throw new Error("it fails");
  });
}

/** The fields of a reply that are about its connection. */
const sayings = (reply: string): string[] =>
  reply
    .slice(0, reply.indexOf("\r\n\r\n"))
    .split("\r\n")
    .filter((line) => /^(connection|keep-alive):/i.test(line))
    .map((line) => line.toLowerCase());

/** Seconds of 7,900 ms, and where nothing is set: uWebSockets.js looks every four seconds, for 28 to 32 of its own. */
const SECONDS: Record<string, readonly [number, number]> = {
  uws: [8, 28],
  node: [7, 30],
};

onEachEngine(({ name, serveWith }) => {
  describe("A reply", () => {
    for (const [target, method] of Object.entries(REPLIES))
      it(`to ${method} ${target} says how long its connection may be silent, or that it ends`, async () => {
        const options = { idleTimeoutMs: 7900 };
        const server = await serveWith(serve, options);
        server.expectLog(/fails/);
        const body = method === "POST" ? "content-length: 0\r\n" : "";
        const client = await RawClient.connect(server.port);
        const start = `${method} ${target} HTTP/1.1\r\nhost: a\r\n${body}`;
        client.send(`${start}\r\n`);
        await client.until(/\r\n\r\n/);
        expect(sayings(client.received)).to.deep.equal([
          "connection: keep-alive",
          `keep-alive: timeout=${SECONDS[name]![0]}`,
        ]);
        const last = await RawClient.connect(server.port);
        last.send(`${start}connection: close\r\n\r\n`);
        expect(sayings(await last.untilClosed())).to.deep.equal([
          "connection: close",
        ]);
      });

    it("says what holds where nothing is set", async () => {
      const server = await serveWith((loop) => loop.mount(() => "hello"));
      const client = await RawClient.connect(server.port);
      await client.request("GET /").until(/\r\n\r\n/);
      expect(sayings(client.received)[1]).to.equal(
        `keep-alive: timeout=${SECONDS[name]![1]}`,
      );
    });
  });
});
