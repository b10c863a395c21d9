/** WebSockets through `http()`, to servers of the package `ws`. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { WebSocketServer, type ServerOptions, type WebSocket } from "ws";
import { http, type HttpOptions } from "../../adapters/http.ts";
import { UsageError } from "../../lib/index.ts";
import { onEachEngine } from "../support/engines.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { SocketClient } from "../support/web-socket.ts";

interface Upstream {
  readonly url: string;
  readonly http: Server;
  readonly wss: WebSocketServer;
  /** The next connection. */
  readonly next: Promise<WebSocket>;
}

/** A server of `ws` that does `each` with its connections. */
async function upstream(
  each: (ws: WebSocket) => void,
  options: ServerOptions = {},
  at?: string,
): Promise<Upstream> {
  const server = createServer((_, res) => res.end("no socket"));
  const wss = new WebSocketServer({ server, ...options });
  const next = new Promise<WebSocket>((resolve) =>
    wss.once("connection", resolve),
  );
  wss.on("connection", each);
  await listening(server, at);
  afterTest(() => {
    for (const ws of wss.clients) ws.terminate();
  });
  const url = at === undefined ? urlOf(server) : `unix:${at}`;
  return { url, http: server, wss, next };
}

async function listening(server: Server, at?: string): Promise<void> {
  server.listen(at ?? { port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  afterTest(() => {
    server.close();
    server.closeAllConnections();
  });
}

const urlOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const echo = (ws: WebSocket): void =>
  void ws.on("message", (data, binary) => ws.send(data as Buffer, { binary }));

const quiet = (): void => {};

onEachEngine((engine) => {
  const proxy = (to: string | string[], options?: HttpOptions) =>
    engine.serveWith((loop) => loop.mount("/app", http(to, options)), {
      accessLog: true,
    });
  const open = SocketClient.open.bind(SocketClient);

  describe("http(), a WebSocket", () => {
    it("hands messages on both ways, text as text and binary as binary, and the request as it came", async () => {
      const { url, wss } = await upstream(echo);
      const asked = once(wss, "connection") as Promise<
        [WebSocket, { url: string; rawHeaders: string[] }]
      >;
      const { port, loop } = await proxy(url);
      const client = await open(port, "/app/", {
        finishRequest(request) {
          request.path = "/app/a%2Fb//../c?x=%20&y"; // `ws` itself would send another one
          request.end();
        },
        origin: "https://example.org",
        headers: { cookie: "a=1", "x-forwarded-for": "192.0.2.1" },
      });
      for (const message of ["für dich", Buffer.from([0, 255]), ""])
        client.send(message);
      expect(await client.messages(3)).to.deep.equal([
        "für dich",
        Buffer.from([0, 255]),
        "",
      ]);
      const [, request] = await asked;
      expect(request.url).to.equal("/app/a%2Fb//../c?x=%20&y");
      const fields: Record<string, string> = {};
      for (let i = 0; i < request.rawHeaders.length; i += 2)
        fields[request.rawHeaders[i]!.toLowerCase()] =
          request.rawHeaders[i + 1]!;
      expect(fields).to.include({
        host: `127.0.0.1:${port}`,
        origin: "https://example.org",
        cookie: "a=1",
        upgrade: "websocket",
        connection: "Upgrade",
        via: "1.1 eddy",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
      });
      expect(fields).to.not.have.property("sec-websocket-extensions");
      expect(loop.applications()[0]!.parts[0]).to.include({ inFlight: 1 });
      client.ws.close();
      await client.closed;
      while (loop.applications()[0]!.parts[0]!.inFlight > 0)
        await new Promise((resolve) => setTimeout(resolve, 5));
    });

    it("works over a Unix socket, and with compression on the client's side alone", async () => {
      const at = join(folderWith({}), "up.sock");
      const { url } = await upstream(echo, {}, at);
      const { port } = await proxy(url, { websocket: { compress: true } });
      const client = await open(port, "/app/", { perMessageDeflate: true });
      const long = "long ".repeat(1000);
      client.send(long);
      expect(await client.messages(1)).to.deep.equal([long]);
      expect(client.ws.extensions).to.include("permessage-deflate");
    });

    it("leaves the subprotocol to the server, and hands its fields on", async () => {
      const { url, wss } = await upstream(quiet, {
        handleProtocols: (offered) => (offered.has("v2") ? "v2" : false),
      });
      wss.on("headers", (lines) => lines.push("Set-Cookie: a=1", "X-It: b"));
      const { port } = await proxy(url);
      const client = new SocketClient(port, "/app/ v1 v2");
      const [reply] = (await once(client.ws, "upgrade")) as [
        { headers: Record<string, unknown> },
      ];
      expect(reply.headers).to.deep.include({
        "sec-websocket-protocol": "v2",
        "set-cookie": ["a=1"],
        "x-it": "b",
      });
      const none = new SocketClient(port, "/app/ v7");
      const [refused] = (await once(none.ws, "upgrade")) as [
        { headers: Record<string, unknown> },
      ];
      expect(refused.headers).to.not.have.property("sec-websocket-protocol");
    });

    it("hands the server's refusal on: status, fields, body", async () => {
      const { url } = await upstream(quiet, {
        verifyClient: (_, answer) =>
          answer(false, 403, "not you", { "x-a": "b" }),
      });
      const server = await proxy(url);
      const { ws } = new SocketClient(server.port, "/app/");
      const [, reply] = (await once(ws, "unexpected-response")) as [
        unknown,
        AsyncIterable<Buffer> & {
          statusCode: number;
          headers: Record<string, string>;
        },
      ];
      expect(reply.statusCode).to.equal(403);
      expect(reply.headers["x-a"]).to.equal("b");
      let body = "";
      for await (const chunk of reply) body += String(chunk);
      expect(body).to.equal("not you");
      expect(
        (await server.logged(({ status }) => status === 403)).outcome,
      ).to.equal("ok");
    });

    for (const [code, seenByServer, seenByClient] of [
      [1000, 1000, 1000],
      [1001, 1001, 1001],
      [4321, 4321, 4321],
      [undefined, 1005, 1000],
    ] as const)
      it(`hands the close code ${code} on, in both directions`, async () => {
        const { url, next, wss } = await upstream(quiet);
        const { port } = await proxy(url);
        const one = await open(port, "/app/");
        const itsClose = once(await next, "close");
        one.ws.close(code, code && "why");
        const [got, why] = (await itsClose) as [number, Buffer];
        expect(got).to.equal(seenByServer);
        if (code !== undefined) expect(why.toString()).to.equal("why");
        const connected = once(wss, "connection");
        const two = await open(port, "/app/");
        const [ws] = (await connected) as [WebSocket];
        ws.send("last");
        ws.close(code, code && "why");
        expect((await two.closed)[0]).to.equal(seenByClient);
        expect(two.received).to.deep.equal(["last"]);
      });

    it("closes the server's side when its client is cut, and with 1001 when the loop drains", async () => {
      const { url, next, wss } = await upstream(quiet);
      const { port, loop } = await proxy(url);
      const client = await open(port, "/app/");
      const cut = once(await next, "close");
      client.ws.terminate();
      expect((await cut)[0]).to.equal(1006);
      const connected = once(wss, "connection");
      const other = await open(port, "/app/");
      const [ws] = (await connected) as [WebSocket];
      const drained = once(ws, "close");
      await loop.close();
      expect((await other.closed)[0]).to.equal(1001);
      expect((await drained)[0]).to.equal(1001);
    });

    it("closes its client with 1011 when the server is gone", async () => {
      const { url, next } = await upstream(quiet);
      const { port } = await proxy(url);
      const client = await open(port, "/app/");
      (await next).terminate();
      expect(await client.closed).to.deep.equal([1011, "the server is gone"]);
    });

    it("closes its client with 1011 when the server is silent: of twice timeoutMs without a pong", async () => {
      const { url, next } = await upstream(quiet, { autoPong: false });
      const { port } = await proxy(url, { timeoutMs: 50 });
      const client = await open(port, "/app/");
      await next;
      expect((await client.closed)[0]).to.equal(1011);
    });

    it("keeps a server that answers pings", async () => {
      const { url, next } = await upstream(echo);
      const { port } = await proxy(url, { timeoutMs: 200 });
      const client = await open(port, "/app/");
      let pings = 0;
      const ws = await next;
      await new Promise<void>((resolve) =>
        ws.on("ping", () => ++pings === 4 && resolve()),
      );
      client.send("still here");
      expect(await client.messages(1)).to.deep.equal(["still here"]);
    });

    it("answers 502 where no server can be reached, and tries the next one first", async () => {
      const { url } = await upstream(echo);
      const gone = createServer();
      await listening(gone);
      const nobody = urlOf(gone);
      gone.close();
      await once(gone, "close");
      const server = await proxy([nobody, url]);
      server.expectLog(/is left out/);
      await open(server.port, "/app/");
      const alone = await proxy(nobody);
      alone.expectLog(/is left out|failed/);
      const { ws } = new SocketClient(alone.port, "/app/");
      const [, reply] = (await once(ws, "unexpected-response")) as [
        unknown,
        { statusCode: number },
      ];
      expect(reply.statusCode).to.equal(502);
    });

    it("answers 502 for a 101 that is none, and closes that connection", async () => {
      let closed!: () => void;
      const isClosed = new Promise<void>((resolve) => (closed = resolve));
      const liar = createTcpServer((socket) => {
        socket.on("error", quiet).on("close", closed);
        socket.on("data", () =>
          socket.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n",
          ),
        );
      }).listen(0, "127.0.0.1");
      await once(liar, "listening");
      afterTest(() => void liar.close());
      const { port } = liar.address() as AddressInfo;
      const server = await proxy(`http://127.0.0.1:${port}`);
      server.expectLog(/is left out|failed|UpstreamError/);
      const { ws } = new SocketClient(server.port, "/app/");
      const [, reply] = (await once(ws, "unexpected-response")) as [
        unknown,
        { statusCode: number },
      ];
      expect(reply.statusCode).to.equal(502);
      await isClosed;
    });

    it("holds a server back whose client is slow, and loses nothing", async () => {
      const chunk = "x".repeat(60_000);
      const { url, next } = await upstream(quiet);
      const { port } = await proxy(url);
      const client = await open(port, "/app/");
      client.ws.pause();
      const ws = await next;
      let taken = 0;
      for (let i = 0; i < 600; i++) ws.send(`${i}${chunk}`, () => taken++);
      await settled(() => taken);
      expect(taken).to.be.below(500);
      client.ws.resume();
      const got = await client.messages(600);
      expect(got.every((message, i) => message === `${i}${chunk}`)).to.equal(
        true,
      );
      expect(got).to.have.lengthOf(600);
    });

    it("holds a client back whose server is slow, and loses nothing", async () => {
      const chunk = "x".repeat(60_000);
      const { url, next } = await upstream(quiet);
      const { port, loop } = await proxy(url);
      const client = await open(port, "/app/");
      const ws = await next;
      ws.pause();
      for (let i = 0; i < 600; i++) client.send(`${i}${chunk}`);
      await settled(() => loop.socketCounts.received);
      expect(loop.socketCounts.received).to.be.below(500);
      let expected = 0;
      const all = new Promise<void>((resolve) =>
        ws.on("message", (data: Buffer) => {
          if (data.toString() === `${expected}${chunk}`) expected++;
          if (expected === 600) resolve();
        }),
      );
      ws.resume();
      await all;
    });

    it("bounds messages by maxMessageBytes in both directions", async () => {
      const { url, wss, next } = await upstream(quiet);
      const server = await proxy(url, { websocket: { maxMessageBytes: 1000 } });
      server.expectLog(/the WebSocket's server failed/);
      const one = await open(server.port, "/app/");
      const lost = once(await next, "close");
      one.send("a".repeat(1001));
      expect((await one.closed)[0]).to.be.oneOf([1009, 1006]);
      await lost;
      const connected = once(wss, "connection");
      const two = await open(server.port, "/app/");
      const [ws] = (await connected) as [WebSocket];
      ws.send("a".repeat(1001));
      expect((await two.closed)[0]).to.equal(1009);
    });

    it("ends the server's side where no socket comes of it", async () => {
      const { url, wss } = await upstream(quiet);
      const server = await proxy(url, { websocket: { maxSockets: 1 } });
      server.expectLog(/too many sockets/);
      await open(server.port, "/app/");
      const { ws } = new SocketClient(server.port, "/app/");
      const [, reply] = (await once(ws, "unexpected-response")) as [
        unknown,
        { statusCode: number },
      ];
      expect(reply.statusCode).to.equal(503);
      while (wss.clients.size > 1)
        await new Promise((resolve) => setTimeout(resolve, 5));
    });

    it("is an ordinary request with websocket: false", async () => {
      const { url } = await upstream(echo);
      const { port } = await proxy(url, { websocket: false });
      const { ws } = new SocketClient(port, "/app/");
      const [, reply] = (await once(ws, "unexpected-response")) as [
        unknown,
        { statusCode: number },
      ];
      expect(reply.statusCode).to.equal(200);
    });
  });
});

describe("http() with websocket", () => {
  it("throws a UsageError for what is no option of sockets", () => {
    const websocket = true as never;
    expect(() => http("http://127.0.0.1:1", { websocket })).to.throw(
      UsageError,
      "websocket",
    );
  });
});

/** A number does not grow any more. */
async function settled(value: () => number): Promise<void> {
  for (let last = -1; last !== value();) {
    last = value();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
