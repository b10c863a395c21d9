/** WebSockets of fetch-style applications, and of Hono's by its own helper. */
import { expect } from "chai";
import { Hono } from "hono";
import { cors } from "hono/cors";
import {
  fetch as adapt,
  upgradeResponse,
  type FetchApp,
  type FetchOptions,
} from "../../../adapters/fetch.ts";
import { upgradeWebSocket } from "../../../adapters/fetch/hono.ts";
import type { Socket } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { refusal, SocketClient } from "../../support/web-socket.ts";

async function echo(socket: Socket): Promise<void> {
  for await (const message of socket) await socket.send(message);
}

onEachEngine((engine) => {
  const serve = (app: FetchApp, options: FetchOptions = { websocket: {} }) =>
    engine.serveWith((loop) => loop.mount(adapt(app, options)), {
      accessLog: true,
    });
  const open = SocketClient.open.bind(SocketClient);

  for (const lightResponse of [false, true])
    describe(`upgradeResponse, lightResponse: ${lightResponse}`, () => {
      it("makes a socket of what asks for one, with its fields; other requests go their way", async () => {
        const server = await serve(
          async (request, { eddy }) => {
            if (request.headers.get("upgrade") === null)
              return new Response("no socket");
            await new Promise(setImmediate);
            const response = upgradeResponse(eddy, echo, { protocol: "v2" });
            response.headers.set("set-cookie", "a=1");
            return response;
          },
          { websocket: {}, lightResponse },
        );
        const client = new SocketClient(server.port, "/ v1 v2");
        const headers = new Promise<object>((resolve) =>
          client.ws.on("upgrade", (reply) => resolve(reply.headers)),
        );
        expect(await headers).to.deep.include({
          "set-cookie": ["a=1"],
          "sec-websocket-protocol": "v2",
        });
        client.send("hi");
        expect(await client.messages(1)).to.deep.equal(["hi"]);
        const plain = await fetch(server.url);
        expect(await plain.text()).to.equal("no socket");
        await server.logged(({ status }) => status === 101);
      });

      it("is taken back by whoever puts another response in its place", async () => {
        const { port } = await serve(
          (_, { eddy }) => {
            upgradeResponse(eddy, echo);
            return new Response("not you", { status: 403 });
          },
          { websocket: {}, lightResponse },
        );
        expect(await refusal(port, "/")).to.equal(403);
      });
    });

  describe("fetch(), websocket", () => {
    it("is what the application has under that name, unless it is Bun's", async () => {
      const answer = (_: Request, { eddy }: { eddy: never }) =>
        upgradeResponse(eddy, echo);
      const { port } = await serve(
        { fetch: answer, websocket: { maxMessageBytes: 10 } },
        {},
      );
      const client = await open(port, "/");
      client.send("a".repeat(11));
      expect((await client.closed)[0]).to.be.oneOf([1009, 1006]);
      const websocket = { open() {}, message() {}, close() {} };
      const bun = await serve(
        { fetch: () => new Response("served"), websocket },
        {},
      );
      expect(await (await fetch(bun.url)).text()).to.equal("served");
    });

    it("is missing: upgradeResponse throws, and says what to do", async () => {
      const server = await serve(
        (_, { eddy }) => upgradeResponse(eddy, echo),
        {},
      );
      server.expectLog(/fetch\(app, \{ websocket: \{\} \}\)/);
      expect(await refusal(server.port, "/")).to.equal(500);
    });

    it("throws a UsageError for what is no options", () => {
      const websocket = true as never;
      expect(() => adapt(() => new Response(), { websocket })).to.throw(
        "websocket",
      );
    });
  });

  describe("Hono's upgradeWebSocket", () => {
    it("calls its events: open, message, close, with Hono's context", async () => {
      const seen: unknown[] = [];
      const app = new Hono().use(cors()).get(
        "/ws/:room",
        upgradeWebSocket((c) => ({
          onOpen: (event, ws) => {
            seen.push(event.type, ws.readyState, ws.protocol, ws.url!.pathname);
            ws.send(`welcome to ${c.req.param("room")}`);
          },
          onMessage: ({ data }, ws) =>
            ws.send(data instanceof ArrayBuffer ? data : `got ${String(data)}`),
          onClose: ({ code, reason, wasClean }, ws) =>
            void seen.push(code, reason, wasClean, ws.readyState),
        })),
        (c) => c.text("no socket"),
      );
      const { port, url, loop } = await serve(app);
      const client = await open(port, "/ws/hall v1 v2");
      client.send("hi");
      client.send(Buffer.from([1, 2]));
      expect(await client.messages(3)).to.deep.equal([
        "welcome to hall",
        "got hi",
        Buffer.from([1, 2]),
      ]);
      expect(client.ws.protocol).to.equal("v1");
      client.ws.close(4000, "bye");
      await client.closed;
      while (loop.socketCounts.open > 0) await new Promise(setImmediate);
      expect(seen).to.deep.equal([
        "open",
        1,
        "v1",
        "/ws/hall",
        4000,
        "bye",
        true,
        3,
      ]);
      const plain = await fetch(`${url}/ws/hall`);
      expect(await plain.text()).to.equal("no socket");
    });

    it("is refused by middleware before it, and by what it throws", async () => {
      const app = new Hono()
        .use("/private", async (c, next) =>
          c.req.query("key") === "k" ? await next() : c.text("no", 401),
        )
        .get(
          "/private",
          upgradeWebSocket(() => ({})),
        );
      const { port } = await serve(app);
      expect(await refusal(port, "/private")).to.equal(401);
      await open(port, "/private?key=k");
      const origin = "https://evil.example";
      expect(await refusal(port, "/private?key=k", { origin })).to.equal(403);
    });

    it("closes by the context, and sends what its topic gets", async () => {
      const app = new Hono().get(
        "/",
        upgradeWebSocket(() => ({
          onOpen: (_, ws) => ws.raw!.subscribe("news"),
          onMessage: (_, ws) => ws.close(4001, "enough"),
        })),
      );
      const { port, loop } = await serve(app);
      const client = await open(port, "/");
      loop.publish("news", "today");
      expect(await client.messages(1)).to.deep.equal(["today"]);
      client.send("");
      expect(await client.closed).to.deep.equal([4001, "enough"]);
    });

    it("tells onError of what its events throw; without that, 1011 and the log", async () => {
      const events = {
        onMessage: async ({ data }: MessageEvent) => {
          await Promise.resolve();
          throw new Error(`about ${String(data)}`);
        },
      };
      const app = new Hono()
        .get(
          "/silent",
          upgradeWebSocket(() => events),
        )
        .get(
          "/told",
          upgradeWebSocket(() => ({
            ...events,
            onError: (event, ws) =>
              ws.send((event as Event & { error: Error }).error.message),
          })),
        );
      const server = await serve(app);
      server.expectLog(/a handler of a WebSocket failed/);
      const told = await open(server.port, "/told");
      told.send("this");
      expect(await told.messages(1)).to.deep.equal(["about this"]);
      const silent = await open(server.port, "/silent");
      silent.send("that");
      expect((await silent.closed)[0]).to.equal(1011);
    });
  });
});
