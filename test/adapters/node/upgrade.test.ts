/** WebSockets of applications of node:http: `ws`, Socket.IO, Fastify, as they are. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createRequire } from "node:module";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import express from "express";
import fastify from "fastify";
import { Server as SocketIo } from "socket.io";
import { io, type Socket as IoSocket } from "socket.io-client";
import { WebSocketServer, type WebSocket } from "ws";
import {
  node,
  type NodeApplication,
  type NodeOptions,
} from "../../../adapters/node.ts";
import type { MountOptions } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { afterTest } from "../../support/hooks.ts";
import { refusal, SocketClient } from "../../support/web-socket.ts";

const open = SocketClient.open.bind(SocketClient);

const echo = (ws: WebSocket): void =>
  void ws.on("message", (data, binary) => ws.send(data as Buffer, { binary }));

/** A server of Express, with one of `ws` beside it. */
function expressWith(each: (ws: WebSocket, req: IncomingMessage) => void) {
  const app = express();
  app.get("/hello", (_, res) => void res.send("hello"));
  const server = createServer(app);
  const wss = new WebSocketServer({ server });
  wss.on("connection", each);
  return { server, wss };
}

type OnUpgrade = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
) => unknown;

const serverWith = (take: OnUpgrade): Server =>
  createServer((_, res) => res.end("ordinary")).on("upgrade", take);

onEachEngine((engine) => {
  const serve = (
    app: NodeApplication,
    prefix = "/",
    options?: NodeOptions,
    mount?: MountOptions,
  ) =>
    engine.serveWith((loop) => loop.mount(prefix, node(app, options), mount), {
      accessLog: true,
    });

  describe("node(), WebSocketServer of ws", () => {
    it("({ server }) has its connections, beside what Express answers", async () => {
      const { server } = expressWith(echo);
      const served = await serve(server);
      const client = await open(served.port, "/any/where");
      for (const message of ["für dich", Buffer.from([0, 255]), ""])
        client.send(message);
      expect(await client.messages(3)).to.deep.equal([
        "für dich",
        Buffer.from([0, 255]),
        "",
      ]);
      const plain = await fetch(`${served.url}/hello`);
      expect(await plain.text()).to.equal("hello");
      const line = await served.logged(({ status }) => status === 101);
      expect(line).to.include({ outcome: "ok", path: "/any/where" });
      expect(served.loop.socketCounts).to.include({ open: 1, received: 3 });
    });

    it("sees the request as the client has sent it, and whose it is", async () => {
      const asked: unknown[] = [];
      const { server } = expressWith((_, { url, headers, socket }) => {
        const { remoteAddress } = socket;
        const { host, origin, cookie, "x-it": it } = headers;
        asked.push(url, host, origin, cookie, it, remoteAddress);
      });
      const origin = "https://example.org";
      const headers = { cookie: "a=1", "x-it": "b", "x-forwarded-for": "::1" };
      const { port } = await serve(server, "/app");
      await open(port, "/app/a%2Fb?c=%20", { origin, headers });
      expect(asked).to.deep.equal([
        "/a%2Fb?c=%20",
        `127.0.0.1:${port}`,
        origin,
        "a=1",
        "b",
        "127.0.0.1",
      ]);
      const kept = await serve(server, "/app", { keepMount: true });
      await open(kept.port, "/app/x");
      expect(asked[6]).to.equal("/app/x");
    });

    it("({ noServer }) takes some upgrades and refuses others, also by a write and destroy()", async () => {
      const wss = new WebSocketServer({
        noServer: true,
        handleProtocols: (offered) => (offered.has("v2") ? "v2" : false),
      });
      wss.on("connection", echo);
      wss.on("headers", (lines) => lines.push("Set-Cookie: a=1"));
      const server = serverWith((req, socket, head) => {
        if (req.url === "/cut") return void socket.destroy();
        if (req.url !== "/ws") {
          socket.write("HTTP/1.1 401 Unauthorized\r\nX-Why: key\r\n\r\nno key");
          return void socket.destroy();
        }
        wss.handleUpgrade(req, socket as never, head, (ws) =>
          wss.emit("connection", ws, req),
        );
      });
      const served = await serve(server);
      served.expectLog(/gave no reply/);
      expect(await refusal(served.port, "/no")).to.equal(401);
      expect(await refusal(served.port, "/cut")).to.equal(502);
      const client = new SocketClient(served.port, "/ws v1 v2");
      const [reply] = (await once(client.ws, "upgrade")) as [IncomingMessage];
      expect(reply.headers).to.deep.include({
        "set-cookie": ["a=1"],
        "sec-websocket-protocol": "v2",
      });
      client.send("hi");
      expect(await client.messages(1)).to.deep.equal(["hi"]);
    });

    it("closes with codes in both directions, with 1011 at terminate(), and sees a cut client", async () => {
      const sockets: WebSocket[] = [];
      const { server, wss } = expressWith((ws) => sockets.push(ws));
      const { port } = await serve(server);
      const clients: SocketClient[] = [];
      for (let i = 0; i < 4; i++) clients.push(await open(port, "/"));
      const [byClient, cut, byServer, ended] = sockets as [
        WebSocket,
        WebSocket,
        WebSocket,
        WebSocket,
      ];
      const told = once(byClient, "close");
      clients[0]!.ws.close(4001, "bye");
      const [code, reason] = (await told) as [number, Buffer];
      expect([code, String(reason)]).to.deep.equal([4001, "bye"]);
      const abnormal = once(cut, "close");
      clients[1]!.ws.terminate();
      expect((await abnormal)[0]).to.equal(1006);
      byServer.send("last");
      byServer.close(4002, "enough");
      expect(await clients[2]!.closed).to.deep.equal([4002, "enough"]);
      expect(clients[2]!.received).to.deep.equal(["last"]);
      ended.terminate();
      expect((await clients[3]!.closed)[0]).to.equal(1011);
      while (wss.clients.size > 0) await new Promise(setImmediate);
    });

    it("closes them with 1001 when the loop drains", async () => {
      const { server, wss } = expressWith(() => {});
      const { port, loop } = await serve(server);
      const client = await open(port, "/");
      const told = once([...wss.clients][0]!, "close");
      await loop.close();
      expect((await client.closed)[0]).to.equal(1001);
      expect((await told)[0]).to.equal(1001);
    });

    it("waits for a slow client: bufferedAmount grows, and nothing is lost", async () => {
      const chunk = "x".repeat(60_000);
      let ws!: WebSocket;
      const { server } = expressWith((it) => (ws = it));
      const { port } = await serve(server);
      const client = await open(port, "/");
      client.ws.pause();
      for (let i = 0; i < 400; i++) ws.send(`${i}${chunk}`);
      for (let last = -1; last !== ws.bufferedAmount;) {
        last = ws.bufferedAmount;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(ws.bufferedAmount).to.be.above(100 * 60_000);
      client.ws.resume();
      const got = await client.messages(400);
      expect(got.every((it, i) => it === `${i}${chunk}`)).to.equal(true);
      expect(got).to.have.lengthOf(400);
    });

    it("is refused pages of other origins by the mount's option, and has none with websocket: false", async () => {
      const { server } = expressWith(echo);
      const same = await serve(
        server,
        "/",
        {},
        { websocket: { origins: "same" } },
      );
      const evil = { origin: "https://evil.example" };
      expect(await refusal(same.port, "/", evil)).to.equal(403);
      const none = await serve(server, "/", {}, { websocket: false });
      expect(await refusal(none.port, "/hello")).to.equal(403);
    });
  });

  describe("node(), an upgrade", () => {
    it("is an ordinary request where nobody listens to it", async () => {
      const server = createServer((_, res) => res.end("ordinary"));
      expect(await refusal((await serve(server)).port, "/")).to.equal(200);
      const app: NodeApplication = (_: never, res: { end(): void }) =>
        res.end();
      expect(await refusal((await serve(app as never)).port, "/")).to.equal(
        200,
      );
    });

    it("reaches the server of a Fastify application", async () => {
      const app = fastify();
      app.get("/hello", () => "hello");
      const wss = new WebSocketServer({ server: app.server });
      wss.on("connection", echo);
      const { port, url } = await serve(app as never);
      const client = await open(port, "/");
      client.send("hi");
      expect(await client.messages(1)).to.deep.equal(["hi"]);
      expect(await (await fetch(`${url}/hello`)).text()).to.equal("hello");
    });
  });

  describe("node(), a NestJS application", () => {
    it("has the WebSockets of its server", async () => {
      const require = createRequire(import.meta.url);
      require("reflect-metadata");
      const { Module } = require("@nestjs/common");
      class Root {}
      Module({})(Root);
      const { NestFactory } = require("@nestjs/core");
      const app = await NestFactory.create(Root, { logger: false });
      const wss = new WebSocketServer({ server: app.getHttpServer() });
      wss.on("connection", echo);
      const { port } = await serve(app);
      const client = await open(port, "/");
      client.send("hi");
      expect(await client.messages(1)).to.deep.equal(["hi"]);
    });
  });

  describe("node(), Socket.IO", () => {
    /** A server that greets, echoes with acknowledgements, and has rooms. */
    function chat(): { server: Server; sockets: SocketIo } {
      const app = express();
      app.get("/hello", (_, res) => void res.send("hello"));
      const server = createServer(app);
      const sockets = new SocketIo(server);
      afterTest(() => void sockets.close());
      sockets.on("connection", (socket) => {
        socket.on("echo", (data, answer: (data: unknown) => void) =>
          answer(data),
        );
        socket.on("join", async (room: string, done: () => void) => {
          await socket.join(room);
          done();
        });
        socket.on("say", (room: string, text: string) =>
          socket.to(room).emit("said", text),
        );
        socket.on("kick", () => socket.disconnect(true));
      });
      return { server, sockets };
    }

    const connect = async (
      port: number,
      transports: string[],
    ): Promise<IoSocket> => {
      const socket = io(`http://127.0.0.1:${port}`, {
        transports,
        reconnection: false,
        forceNew: true,
      });
      afterTest(() => void socket.disconnect());
      await once(socket as never, "connect");
      return socket;
    };

    for (const transports of [
      ["polling"],
      ["websocket"],
      ["polling", "websocket"],
    ])
      it(`talks by ${transports.join(", then ")}: acknowledgements, bytes, rooms, disconnects`, async () => {
        const { server, sockets } = chat();
        const { port, url } = await serve(server);
        const [a, b] = await Promise.all([
          connect(port, transports),
          connect(port, transports),
        ]);
        if (transports.length > 1)
          while (a.io.engine.transport.name !== "websocket")
            await new Promise((resolve) => setTimeout(resolve, 5));
        const bytes = Buffer.from([1, 0, 255]);
        const data = { text: "ü".repeat(10_000), bytes };
        const answer = (await a.emitWithAck("echo", data)) as typeof data;
        expect(answer.text).to.equal(data.text);
        expect(Buffer.from(answer.bytes)).to.deep.equal(bytes);
        await b.emitWithAck("join", "hall");
        const said = once(b as never, "said");
        a.emit("say", "hall", "hello all");
        expect(await said).to.deep.equal(["hello all"]);
        const gone = once(a as never, "disconnect");
        a.emit("kick");
        expect((await gone)[0]).to.equal("io server disconnect");

        b.disconnect();
        while (sockets.engine.clientsCount > 0)
          await new Promise((resolve) => setTimeout(resolve, 5)); // a poll keeps the loop from its end
        expect(await (await fetch(`${url}/hello`)).text()).to.equal("hello");
      });

    it("tells its clients when the loop drains", async () => {
      const { server } = chat();
      const { port, loop } = await serve(server);
      const socket = await connect(port, ["websocket"]);
      const gone = once(socket as never, "disconnect");
      await loop.close();
      expect((await gone)[0]).to.equal("transport close");
    });
  });
});
