/** Libraries that were written for a socket of the package `ws`, and what they use of it. */
import { EventEmitter, once } from "node:events";
import { initTRPC } from "@trpc/server";
import { getWSConnectionHandler } from "@trpc/server/adapters/ws";
import { expect } from "chai";
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { createClient, handleProtocols } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import { WebSocket } from "ws";
import {
  asWs,
  upgrade,
  type AsWs,
  type SocketHandler,
} from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { afterTest } from "../../support/hooks.ts";
import { SocketClient } from "../../support/web-socket.ts";

/** A handler that gives the socket to `use`, and lasts as long as it. */
const guest =
  (use: (ws: AsWs) => void): SocketHandler =>
  async (socket) => {
    const ws = asWs(socket);
    use(ws);
    await once(ws, "close");
  };

onEachEngine((engine) => {
  const serveGuest = (use: (ws: AsWs) => void) =>
    engine.serveWith((loop) => loop.websocket("/", upgrade(guest(use))));
  const open = SocketClient.open.bind(SocketClient);

  describe("asWs", () => {
    it("gives messages as Buffers with `isBinary`, and by binaryType", async () => {
      const seen: unknown[] = [];
      const { port } = await serveGuest((ws) => {
        ws.on("message", (data, isBinary) => {
          seen.push([data, isBinary]);
          if (seen.length === 2) ws.binaryType = "arraybuffer";
          if (seen.length === 3) ws.binaryType = "fragments";
          ws.send(`${seen.length}`);
        });
      });
      const client = await open(port, "/");
      for (const message of ["ü", ...["a", "b", "c"].map(Buffer.from)]) {
        client.send(message as string);
        await client.messages(seen.length + 1);
      }
      expect(seen).to.deep.equal([
        [Buffer.from("ü"), false],
        [Buffer.from("a"), true],
        [new Uint8Array([98]).buffer, true],
        [[Buffer.from("c")], true],
      ]);
    });

    it("terminate() tells of the end while it is paused", async () => {
      let guest!: AsWs;
      const { loop, port } = await serveGuest((ws) => {
        guest = ws;
        ws.pause();
      });
      const client = await open(port, "/");
      client.send("one that waits");
      while (loop.socketCounts.received === 0)
        await new Promise((resolve) => setImmediate(resolve));
      const closed = once(guest, "close");
      guest.terminate();
      await closed;
    });

    it("sends what ws sends, as text or binary, and tells when", async () => {
      const told: unknown[] = [];
      const { port } = await serveGuest((ws) => {
        ws.send("text", () => told.push("sent"));
        ws.send("as bytes", { binary: true });
        ws.send(Buffer.from("as text"), { binary: false, compress: true });
        ws.send(new Uint16Array([1]), {}, (error) => told.push(error));
        ws.send(new Uint8Array([2, 3]).buffer);
        ws.send([Buffer.from("a"), Buffer.from("b")]);
        ws.send(7);
        expect(() => ws.send("part", { fin: false })).to.throw("whole");
        expect(() => ws.send({} as never)).to.throw("a message is");
      });
      const client = await open(port, "/");
      expect(await client.messages(7)).to.deep.equal([
        "text",
        Buffer.from("as bytes"),
        "as text",
        Buffer.from([1, 0]),
        Buffer.from([2, 3]),
        Buffer.from("ab"),
        "7",
      ]);
      expect(told).to.deep.equal(["sent", undefined]);
    });

    it("has EventTarget's side: listeners of both kinds, once, removed, and on-properties", async () => {
      const seen: string[] = [];
      const { port } = await serveGuest((ws) => {
        const tell = (name: string) => (event: object) => {
          const { type, data, code, target } = event as Record<string, unknown>;
          expect(target).to.equal(ws);
          seen.push(`${name} ${String(type)} ${String(data ?? code)}`);
        };
        const removed = tell("removed");
        const twice = tell("a");
        ws.addEventListener("message", twice);
        ws.addEventListener("message", twice);
        ws.addEventListener("message", { handleEvent: tell("object") });
        ws.addEventListener("message", tell("once"), { once: true });
        ws.addEventListener("message", removed);
        ws.removeEventListener("message", removed);
        ws.onmessage = tell("replaced");
        ws.onmessage = tell("on");
        ws.onclose = tell("on");
        expect(ws.onmessage).to.be.a("function");
        expect(ws.onerror).to.equal(null);
      });
      const client = await open(port, "/");
      client.send("1");
      client.send("2");
      client.ws.close(4000);
      await client.closed;
      while (seen.length < 8) await new Promise(setImmediate);
      expect(seen).to.deep.equal([
        "a message 1",
        "object message 1",
        "once message 1",
        "on message 1",
        "a message 2",
        "object message 2",
        "on message 2",
        "on close 4000",
      ]);
    });

    it("has readyState, its constants, protocol and the request, and ends as ws does", async () => {
      const states: unknown[] = [];
      let error: Error | undefined;
      const { port } = await engine.serveWith((loop) =>
        loop.websocket("/", () =>
          upgrade(
            guest((ws) => {
              states.push(ws.readyState === ws.OPEN, ws.protocol);
              const { url, method, headers, socket } = ws.request;
              states.push(`${method} ${url}`, headers.upgrade);
              states.push(socket.remoteAddress, ws.bufferedAmount);
              ws.on("message", () => {
                ws.close(4001, Buffer.from("over"));
                states.push(ws.readyState === ws.CLOSING);
                ws.send("late", (it) => (error = it));
                ws.send("late, and nobody asks");
              });
              ws.on("close", (code, reason) => {
                states.push(ws.readyState === ws.CLOSED);
                states.push(code, String(reason));
              });
            }),
            { protocol: "v1" },
          ),
        ),
      );
      const client = await open(port, "/?a=b v1");
      client.send("end");
      expect(await client.closed).to.deep.equal([4001, "over"]);
      expect(states).to.deep.equal([
        true,
        "v1",
        "GET /?a=b",
        "websocket",
        "127.0.0.1",
        0,
        true,
        true,
        4001,
        "over",
      ]);
      expect(error!.message).to.include("not open");
    });

    it("tells of the answer to its pings", async () => {
      const { port } = await serveGuest((ws) => {
        ws.once("pong", () => ws.send("pong"));
        ws.ping("", false, () => {});
      });
      const client = await open(port, "/");
      expect(await client.messages(1)).to.deep.equal(["pong"]);
    });

    it("gives nothing while it is paused, and then all of it in order", async () => {
      let ws!: AsWs;
      const seen: string[] = [];
      const { port } = await serveGuest((it) => {
        ws = it;
        ws.on("message", (data) => {
          seen.push(String(data));
          if (seen.length === 1) ws.pause();
          else ws.send(String(seen.length));
        });
      });
      const client = await open(port, "/");
      for (const message of ["1", "2", "3"]) client.send(message);
      client.ws.ping();
      await once(client.ws, "pong");
      await new Promise(setImmediate);
      expect([ws.isPaused, seen]).to.deep.equal([true, ["1"]]);
      ws.resume();
      expect(await client.messages(2)).to.deep.equal(["2", "3"]);
      expect(seen).to.deep.equal(["1", "2", "3"]);
    });

    it("closes with 1011 when a listener throws, told to `error` and by the log", async () => {
      const server = await serveGuest((ws) =>
        ws.on("message", () => {
          throw new Error("for the log alone");
        }),
      );
      server.expectLog(/WebSocket \/ failed/);
      const client = await open(server.port, "/");
      client.send("");
      expect((await client.closed)[0]).to.equal(1011);
      await server.logged(({ err }) => err?.message === "for the log alone");
    });

    it("serves graphql-ws's clients by its own server: queries, subscriptions, their end", async () => {
      let ended = false;
      const wss = Object.assign(new EventEmitter(), {
        options: {},
        clients: new Set(),
      });
      const disposable = useServer(
        { schema: schemaWith(() => (ended = true)) },
        wss as never,
      );
      afterTest(() => void disposable.dispose());
      const { port } = await engine.serveWith((loop) =>
        loop.websocket("/graphql", (request) => {
          const offered = request.headers.get("sec-websocket-protocol") ?? "";
          const protocol = handleProtocols(offered) || undefined;
          return upgrade(
            guest((ws) => wss.emit("connection", ws, ws.request)),
            { protocol },
          );
        }),
      );
      const client = createClient({
        url: `ws://127.0.0.1:${port}/graphql`,
        webSocketImpl: WebSocket,
      });
      afterTest(() => void client.dispose());
      const query = client.iterate({ query: "{ hello }" });
      expect((await query.next()).value).to.deep.equal({
        data: { hello: "world" },
      });
      const news = client.iterate({ query: "subscription { news }" });
      for (const n of ["1", "2"])
        expect((await news.next()).value).to.deep.equal({ data: { news: n } });
      await news.return!();
      while (!ended) await new Promise(setImmediate);
    });

    it("serves tRPC's clients by its own handler, keep-alive and all", async () => {
      const t = initTRPC.context<{ url: string }>().create();
      const router = t.router({
        whoami: t.procedure.query(({ ctx }) => ctx.url),
        count: t.procedure.subscription(async function* () {
          yield 1;
          yield 2;
        }),
      });
      const handle = getWSConnectionHandler({
        router,
        createContext: ({ req }: { req: { url: string } }) => ({
          url: req.url,
        }),
        keepAlive: { enabled: true, pingMs: 20, pongWaitMs: 5000 },
      } as never) as unknown as (ws: AsWs, request: AsWs["request"]) => void;
      const { port } = await serveGuest((ws) => handle(ws, ws.request));
      const client = await open(port, "/?user=ann");
      client.send(ask(1, "query", "whoami"));
      const data = async (at: number): Promise<unknown> => {
        const its = (): string[] =>
          client.received.map(String).filter((it) => it.startsWith("{"));
        while (its().length <= at)
          await client.messages(client.received.length + 1);
        return (JSON.parse(its()[at]!) as { result: unknown }).result;
      };
      expect(await data(0)).to.deep.equal({ type: "data", data: "/?user=ann" });
      client.send(ask(2, "subscription", "count"));
      expect(await data(1)).to.deep.equal({ type: "started" });
      expect(await data(2)).to.deep.equal({ type: "data", data: 1 });
      expect(await data(3)).to.deep.equal({ type: "data", data: 2 });
      while (!client.received.includes("PING"))
        await client.messages(client.received.length + 1);
    });
  });
});

const ask = (id: number, method: string, path: string): string =>
  JSON.stringify({ id, jsonrpc: "2.0", method, params: { path } });

function schemaWith(ended: () => void): GraphQLSchema {
  async function* news() {
    try {
      for (let n = 1; ; n++) {
        yield { news: `${n}` };
        await new Promise(setImmediate);
      }
    } finally {
      ended();
    }
  }
  return new GraphQLSchema({
    query: new GraphQLObjectType({
      name: "Query",
      fields: { hello: { type: GraphQLString, resolve: () => "world" } },
    }),
    subscription: new GraphQLObjectType({
      name: "Subscription",
      fields: { news: { type: GraphQLString, subscribe: news } },
    }),
  });
}
