import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import type { Socket as NetSocket } from "node:net";
import { expect } from "chai";
import * as effection from "effection";
import { sleep, suspend } from "effection";
import {
  Loop,
  SocketClosedError,
  upgrade,
  UsageError,
  type Close,
  type Socket,
} from "../../../lib/index.ts";
import * as operations from "../../../lib/operations.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";
import { refusal, SocketClient } from "../../support/web-socket.ts";

function* echo(socket: Socket) {
  for (let message; (message = yield* socket.receive()) !== undefined;)
    yield* socket.send(message);
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ASKS = [
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  `sec-websocket-key: ${KEY}`,
];

onEachEngine((engine) => {
  const serveWith = engine.serveWith.bind(engine);
  const open = SocketClient.open.bind(SocketClient);

  describe("Loop.websocket", () => {
    it("gives an operation text as strings and binary as bytes, and sends both", async () => {
      const { port } = await serveWith((loop) =>
        loop.websocket("/", upgrade(echo)),
      );
      const client = await open(port, "/");
      client.send("für dich");
      client.send(Buffer.from([1, 0, 255]));
      client.send("");
      expect(await client.messages(3)).to.deep.equal([
        "für dich",
        Buffer.from([1, 0, 255]),
        "",
      ]);
    });

    it("answers with what an async handler returns: upgrade, or a refusal", async () => {
      const server = await serveWith(
        (loop) =>
          loop.websocket("/rooms/:room", async ({ params, headers }) => {
            await new Promise((resolve) => setImmediate(resolve));
            if (headers.get("x-user") === undefined) return { status: 401 };
            return upgrade(
              async (socket) => {
                for await (const message of socket)
                  await socket.send(`${params.room}: ${String(message)}`);
              },
              { protocol: "chat.v2", headers: { "x-node": "a" } },
            );
          }),
        { accessLog: true },
      );
      const { port } = server;
      expect(await refusal(port, "/rooms/a")).to.equal(401);
      const client = new SocketClient(port, "/rooms/b chat.v1 chat.v2", {
        headers: { "x-user": "ann" },
      });
      client.ws.on("open", () => client.send("hi"));
      const upgraded = new Promise<Record<string, unknown>>((resolve) =>
        client.ws.on("upgrade", ({ headers }) => resolve(headers)),
      );
      expect(await upgraded).to.include({
        "sec-websocket-protocol": "chat.v2",
        "x-node": "a",
      });
      expect(await client.messages(1)).to.deep.equal(["b: hi"]);
      const line = await server.logged(({ status }) => status === 101);
      expect(line).to.include({ outcome: "ok", path: "/rooms/b", bytes: 0 });
      expect(server.loop.tasks().exchanges).to.deep.equal([]);
    });

    it("has its sockets in the task tree, and halts one by the id of its request", async () => {
      let cleaned = false;
      const { loop, port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(function* () {
            try {
              yield* suspend();
            } finally {
              cleaned = true;
            }
          }),
        ),
      );
      const client = await open(port, "/", {
        headers: { "x-request-id": "one" },
      });
      const [view] = loop.tasks().sockets;
      expect(view).to.include({ id: "one", name: "WebSocket /" });
      expect(view).to.include({ waitsFor: "suspend" });
      expect(loop.halt("one")).to.equal(true);
      expect(await client.closed).to.deep.equal([1001, ""]);
      expect(cleaned).to.equal(true);
      expect(loop.tasks().sockets).to.deep.equal([]);
      expect(loop.halt("one")).to.equal(false);
    });

    it("counts sockets and messages", async () => {
      const { loop, port } = await serveWith((it) =>
        it.websocket("/", upgrade(echo)),
      );
      const client = await open(port, "/");
      client.send("12345");
      await client.messages(1);
      expect(loop.socketCounts).to.deep.equal({
        open: 1,
        opened: 1,
        subscriptions: 0,
        received: 1,
        receivedBytes: 5,
        sent: 1,
        sentBytes: 5,
        dropped: 0,
        closedAsSlow: 0,
        lost: 0,
      });
      client.ws.close();
      await client.closed;
      await emptied(loop);
      expect(loop.socketCounts).to.include({ open: 0, opened: 1 });
    });

    const refused: [what: string, fields: string[], status: number][] = [
      ["a request without an upgrade", [], 426],
      ["another upgrade", [...ASKS.slice(0, 1), "upgrade: h2c"], 426],
      ["no `Connection: upgrade`", ASKS.slice(1), 426],
      ["another version", [...ASKS.slice(0, 2), ASKS[3]!], 426],
      [
        "a key that is none",
        [...ASKS.slice(0, 3), "sec-websocket-key: a"],
        400,
      ],
      ["a page of another origin", [...ASKS, "origin: http://b.example"], 403],
      ["an origin that is none", [...ASKS, "origin: null"], 403],
    ];
    for (const [what, fields, status] of refused)
      it(`answers ${status} to ${what}`, async () => {
        const { port } = await serveWith((loop) =>
          loop.websocket("/", upgrade(echo)),
        );
        const client = await RawClient.connect(port);
        client.send(
          ["GET / HTTP/1.1", "host: a.example", ...fields, "", ""].join("\r\n"),
        );
        await client.until(/\r\n\r\n/);
        expect(client.received).to.match(new RegExp(`^HTTP/1.1 ${status} `));
        if (status === 426)
          expect(client.received).to.match(/^sec-websocket-version: 13\r$/im);
      });

    const origins: [
      what: string,
      origin: string,
      setting: unknown,
      ok: boolean,
    ][] = [
      ["the same host", "http://a.example", undefined, true],
      ["its usual port", "http://a.example:80", undefined, true],
      ["a port that is not its", "http://a.example:81", undefined, false],
      ["any", "https://b.example", "any", true],
      ["one of a list", "https://b.example", ["https://b.example"], true],
      ["none of a list", "https://c.example", ["https://b.example"], false],
      ["a function's choice", "https://d.example", () => true, true],
    ];
    for (const [what, origin, setting, ok] of origins)
      it(`${ok ? "takes" : "refuses"} a page by its origin: ${what}`, async () => {
        const { port } = await serveWith((loop) =>
          loop.websocket("/", upgrade(echo), {
            ...(setting !== undefined && { origins: setting as "any" }),
          }),
        );
        const headers = { host: "a.example" };
        const options = { origin, headers };
        if (ok) await open(port, "/", options);
        else expect(await refusal(port, "/", options)).to.equal(403);
      });

    it("answers 503 beyond maxSockets, until one has closed", async () => {
      const server = await serveWith((it) =>
        it.websocket("/", upgrade(echo), { maxSockets: 1 }),
      );
      const { loop, port } = server;
      server.expectLog(/too many sockets/);
      const first = await open(port, "/");
      expect(await refusal(port, "/")).to.equal(503);
      first.ws.close();
      await first.closed;
      await emptied(loop);
      await open(port, "/");
    });

    it("serves other requests that ask for an upgrade as what they are", async () => {
      const { port } = await serveWith((loop) =>
        loop.websocket("/", upgrade(echo)).get("/plain", () => "plain"),
      );
      const client = await RawClient.connect(port);
      client.request("GET /plain", ["connection: upgrade", "upgrade: h2c"]);
      await client.until(/plain$/);
    });

    it("logs what is no place for upgrade(), and a protocol that was not offered", async () => {
      const server = await serveWith((loop) =>
        loop
          .get("/get", () => upgrade(echo))
          .websocket("/", () => upgrade(echo, { protocol: "b" })),
      );
      server.expectLog(/GET \/get failed/, /GET \/ failed/);
      expect((await fetch(`${server.url}/get`)).status).to.equal(500);
      expect(await refusal(server.port, "/ a")).to.equal(500);
      const line = await server.logged(({ msg }) => msg === "GET / failed");
      expect(line.err!.message).to.include('"b", which the client does not');
    });
  });

  describe("A socket", () => {
    /** What `run` gives, of a socket whose client does as `client` says. */
    async function seen<T>(
      run: (socket: Socket) => Promise<T>,
      then: (client: SocketClient) => unknown,
    ): Promise<T> {
      let settle: (value: Promise<T>) => void;
      const value = new Promise<T>((resolve) => (settle = resolve));
      const { port } = await serveWith((loop) =>
        loop.websocket(
          "/",
          upgrade(async (socket) => {
            const result = run(socket);
            settle(result);
            await result;
          }),
        ),
      );
      await then(await open(port, "/"));
      return await value;
    }

    it("delivers what came before its client left, and says how that was", async () => {
      const run = async (socket: Socket): Promise<unknown[]> => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const all: unknown[] = [];
        for await (const message of socket) all.push(message);
        return [...all, socket.closed];
      };
      const close: Close = { code: 4001, reason: "bye" };
      const got = await seen(run, (client) => {
        for (const text of ["a", "b", "c"]) client.send(text);
        client.ws.close(4001, "bye");
      });
      expect(got).to.deep.equal(["a", "b", "c", close]);
    });

    for (const [whose, { each }] of Object.entries({ effection, operations }))
      it(`is a stream for each() of ${whose}, which ends with it`, async () => {
        const got: unknown[] = [];
        const { loop, port } = await serveWith((it) =>
          it.websocket(
            "/",
            upgrade(function* (socket) {
              for (const message of yield* each(socket)) {
                got.push(message);
                yield* each.next();
              }
              got.push(socket.closed?.code);
            }),
          ),
        );
        const client = await open(port, "/");
        client.send("a");
        client.send(Buffer.from("b"));
        client.ws.close(4000);
        await client.closed;
        await emptied(loop);
        expect(got).to.deep.equal(["a", new Uint8Array([98]), 4000]);
      });

    it("takes a code of 3000 to 3999 from its client, on node; uws has none of them", async () => {
      const run = async (socket: Socket): Promise<unknown> => {
        await socket.receive();
        return socket.closed?.code;
      };
      const code = await seen(run, (client) => client.ws.close(3001));
      expect(code).to.equal(engine.name === "node" ? 3001 : 1006);
    });

    it("is closed with 1000 when its handler returns, behind what it has sent", async () => {
      const { port } = await serveWith((loop) =>
        loop.websocket(
          "/",
          upgrade(async (socket) => void socket.send("last")),
        ),
      );
      const client = await open(port, "/");
      expect(await client.closed).to.deep.equal([1000, ""]);
      expect(client.received).to.deep.equal(["last"]);
    });

    it("is closed with 1011 when its handler throws, and the log says why", async () => {
      const server = await serveWith((loop) =>
        loop
          .websocket(
            "/later",
            upgrade(function* (socket) {
              yield* socket.receive();
              throw new Error("for the log alone");
            }),
          )
          .websocket(
            "/now",
            upgrade(() => {
              throw new Error("at once");
            }),
          ),
      );
      server.expectLog(/WebSocket \/\w+ failed/);
      const later = await open(server.port, "/later");
      later.send("a");
      expect(await later.closed).to.deep.equal([1011, ""]);
      const now = await open(server.port, "/now");
      expect(await now.closed).to.deep.equal([1011, ""]);
      const line = await server.logged(({ err }) => err !== undefined);
      expect(line.err!.message).to.equal("for the log alone");
    });

    it("closes with a code of its own, once", async () => {
      const run = async (socket: Socket): Promise<unknown> => {
        socket.close(4000, "enough");
        socket.close(4001);
        socket.terminate();
        return socket.closed;
      };
      let closed: unknown;
      const got = await seen(run, async (client) => {
        closed = await client.closed;
      });
      expect(closed).to.deep.equal([4000, "enough"]);
      expect(got).to.include({ code: 4000 });
    });

    for (const [code, reason] of [
      [999, ""],
      [1005, ""],
      [1006, ""],
      [1015, ""],
      [2000, ""],
      [5000, ""],
      [1.5, ""],
      [1000, "ü".repeat(62)],
    ] as const)
      it(`throws a UsageError for close(${code}, ${reason.length} letters)`, async () => {
        const run = async (socket: Socket): Promise<unknown> => {
          try {
            socket.close(code, reason);
            return undefined;
          } catch (error) {
            return error;
          }
        };
        expect(await seen(run, () => {})).to.be.instanceOf(UsageError);
      });

    it("throws a SocketClosedError from send() once it has closed, which nobody logs", async () => {
      const { loop, port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(function* (socket) {
            yield* socket.receive();
            yield* socket.send("too late");
          }),
        ),
      );
      const client = await open(port, "/");
      client.ws.terminate();
      await emptied(loop);
      const run = async (socket: Socket): Promise<unknown> => {
        await socket.receive();
        return await Promise.resolve()
          .then(() => socket.send(""))
          .catch((error: unknown) => error);
      };
      const error = await seen(run, (it) => it.ws.close(1000, "done"));
      expect(error).to.be.instanceOf(SocketClosedError);
      expect(String(error)).to.include("1000: done");
    });

    it("has its task halted when that goes on for closeTimeoutMs", async () => {
      let ended = "";
      const { loop, port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(function* () {
            try {
              yield* sleep(60_000);
              ended = "slept";
            } finally {
              ended ||= "halted";
            }
          }),
          { closeTimeoutMs: 20 },
        ),
      );
      const client = await open(port, "/");
      client.ws.terminate();
      await emptied(loop);
      expect(ended).to.equal("halted");
    });

    it("makes send() wait for a client that is behind", async () => {
      const chunk = "x".repeat(60_000);
      let sent = 0;
      const { loop, port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(async (socket) => {
            for (; sent < 500; sent++) await socket.send(chunk);
          }),
          { maxBufferedBytes: 64 * 1024 * 1024 },
        ),
      );
      const client = await open(port, "/");
      client.ws.pause();
      await settled(() => sent);
      expect(sent).to.be.below(400);
      client.ws.resume();
      expect((await client.messages(500)).length).to.equal(500);
      await client.closed;
      expect(loop.socketCounts.sent).to.equal(500);
    });

    it("sends all of the last message to a client that was waited for", async () => {
      const chunk = Buffer.alloc(8 * 1024 * 1024);
      const { port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(async (socket) => {
            for (let count = 0; count < 5; count++) await socket.send(chunk);
            await socket.receive(); // and sends nothing more
          }),
          { maxBufferedBytes: 64 * 1024 * 1024 },
        ),
      );
      const client = await open(port, "/");
      expect((await client.messages(5)).length).to.equal(5);
    });

    it("send() goes on when a client has a message that was compressed", async () => {
      const { port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(async (socket) => {
            await socket.send("x".repeat(500_000));
            await socket.send("behind it");
            await socket.receive();
          }),
          { compress: true },
        ),
      );
      const client = await open(port, "/", { perMessageDeflate: true });
      const [, last] = await client.messages(2);
      expect(last).to.equal("behind it");
    });

    it("send() goes on when a client that was behind has come, with highWaterMark 1", async () => {
      const { loop, port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(async (socket) => {
            for (let i = 0; i < 8000; i++)
              await socket.send(`${i}`.padEnd(1000));
            await socket.receive();
          }),
          { highWaterMark: 1, maxBufferedBytes: 64 * 1024 * 1024 },
        ),
      );
      const client = await open(port, "/");
      client.ws.pause();
      await settled(() => loop.socketCounts.sent);
      client.ws.resume();
      expect(await client.messages(8000)).to.have.lengthOf(8000);
    });

    it("socketCounts count bytes of texts, too", async () => {
      const { loop, port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(async (socket) => {
            for await (const message of socket) await socket.send(message);
          }),
        ),
      );
      const client = await open(port, "/");
      client.send("日本語");
      await client.messages(1);
      expect(loop.socketCounts).to.include({ receivedBytes: 9, sentBytes: 9 });
    });

    it("holds back a client that sends more than maxQueuedBytes", async () => {
      let goOn!: () => void;
      const held = new Promise<void>((resolve) => (goOn = resolve));
      const { loop, port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(async (socket) => {
            await held;
            let count = 0;
            for (let message; (message = await socket.receive());)
              if (message === `${count}`.padEnd(16_384)) count++;
            loop.publish("none", `${count}`);
            counted = count;
          }),
        ),
      );
      let counted = 0;
      const client = await open(port, "/");
      const { ws } = client;
      for (let i = 0; i < 2000; i++) ws.send(`${i}`.padEnd(16_384));
      await settled(() => loop.socketCounts.received);
      expect(loop.socketCounts.receivedBytes).to.be.below(9 * 2 ** 20);
      goOn();
      ws.close();
      await client.closed;
      await emptied(loop);
      expect(counted).to.equal(2000);
    });

    for (const slow of ["close", "drop"] as const)
      it(`beyond maxBufferedBytes: slow: "${slow}"`, async () => {
        const { loop, port } = await serveWith((it) =>
          it.websocket(
            "/",
            upgrade(async (socket) => {
              socket.subscribe("news");
              for await (const _ of socket);
            }),
            { slow, maxBufferedBytes: 100_000 },
          ),
        );
        const client = await open(port, "/");
        client.ws.pause();
        const news = "n".repeat(50_000);
        for (let i = 0; i < 400; i++) {
          loop.publish("news", news);
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (slow === "close") {
          await emptied(loop);
          expect(loop.socketCounts).to.include({ closedAsSlow: 1, dropped: 0 });
        } else {
          const { dropped } = loop.socketCounts;
          expect(dropped).to.be.within(1, 399);
          expect(loop.socketCounts).to.include({ open: 1, closedAsSlow: 0 });
          client.ws.resume();
          const got = await client.messages(400 - dropped);
          expect(got).to.have.lengthOf(400 - dropped);
        }
      });

    it("closes with 1009, or cuts, a message longer than maxMessageBytes", async () => {
      const { loop, port } = await serveWith((it) =>
        it.websocket("/", upgrade(echo), { maxMessageBytes: 1000 }),
      );
      const client = await open(port, "/");
      client.send("a".repeat(1000));
      await client.messages(1);
      client.send("a".repeat(1001));
      expect((await client.closed)[0]).to.be.oneOf([1009, 1006]);
      await emptied(loop);
    });

    it("sees the stores of whoever has made the reply", async () => {
      const user = new AsyncLocalStorage<string>();
      const { port } = await serveWith((loop) =>
        loop.websocket("/:user", ({ params }) =>
          user.run(params.user, () =>
            upgrade(function* (socket) {
              yield* socket.receive();
              yield* sleep(1);
              yield* socket.send(user.getStore() ?? "nobody");
            }),
          ),
        ),
      );
      const names = ["ann", "bob", "eve"];
      const clients = await Promise.all(
        names.map((name) => open(port, `/${name}`)),
      );
      for (const client of clients) client.send("");
      for (const [i, client] of clients.entries())
        expect(await client.messages(1)).to.deep.equal([names[i]]);
    });
  });

  describe("Loop.publish", () => {
    it("may be called where there are no sockets", async () => {
      const { loop, port } = await serveWith((it) => it.get("/", () => "hi"));
      for (const message of ["text", Buffer.from([1])])
        await loop.publish("nobody", message);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).to.equal(
        "hi",
      );
    });

    it("reaches those that have subscribed, but for `except`", async () => {
      const { loop, port } = await serveWith((it) =>
        it.websocket("/:topic", ({ params }) =>
          upgrade(function* (socket) {
            socket.subscribe(params.topic);
            yield* socket.send("ready");
            for (let message; (message = yield* socket.receive());) {
              if (message === "leave") socket.unsubscribe(params.topic);
              else loop.publish(params.topic, message, { except: socket });
              yield* socket.send("done");
            }
          }),
        ),
      );
      const [a, b, c] = await Promise.all(
        ["/one", "/one", "/two"].map((path) => open(port, path)),
      );
      await Promise.all([a, b, c].map((client) => client!.messages(1)));
      a!.send("to the others");
      expect(await a!.messages(2)).to.deep.equal(["ready", "done"]);
      expect(await b!.messages(2)).to.deep.equal(["ready", "to the others"]);
      b!.send("leave");
      await b!.messages(3);
      loop.publish("one", Buffer.from([7]));
      loop.publish("two", "for c");
      expect((await a!.messages(3))[2]).to.deep.equal(Buffer.from([7]));
      expect(await c!.messages(2)).to.deep.equal(["ready", "for c"]);
      expect(b!.received).to.have.lengthOf(3);
    });

    it("reaches those that have subscribed when `except` has subscribed to nothing", async () => {
      const { loop, port } = await serveWith((it) =>
        it
          .websocket(
            "/hears",
            upgrade(function* (socket) {
              socket.subscribe("news");
              yield* echo(socket);
            }),
          )
          .websocket(
            "/tells",
            upgrade(async (socket) => {
              for await (const message of socket)
                loop.publish("news", message, { except: socket });
            }),
          ),
      );
      const [hears, tells] = await Promise.all(
        ["/hears", "/tells"].map((path) => open(port, path)),
      );
      hears!.send("is there");
      await hears!.messages(1);
      tells!.send("from outside");
      expect((await hears!.messages(2))[1]).to.equal("from outside");
    });
  });

  it("send(), Loop.publish and close() make of half a surrogate pair what text may have", async () => {
    const { loop, port } = await serveWith((it) =>
      it.websocket(
        "/",
        upgrade(async (socket) => {
          socket.subscribe("all");
          await socket.send("😀 sent".slice(1));
          await loop.publish("all", "😀 published".slice(1));
          await socket.receive();
          await loop.publish("all", "😀 to others".slice(1), {
            except: socket,
          });
          socket.close(4000, "😀".slice(1));
        }),
      ),
    );
    const client = await open(port, "/");
    expect(await client.messages(2)) //
      .to.deep.equal(["\ufffd sent", "\ufffd published"]);
    const other = await open(port, "/");
    await other.messages(2);
    client.send("go on");
    expect((await other.messages(3))[2]).to.equal("\ufffd to others");
    const [code, reason] = await client.closed;
    expect([code, String(reason)]).to.deep.equal([4000, "\ufffd"]);
  });

  it("Loop.publish compresses from the smallest compressFrom on", async () => {
    const { loop, port } = await serveWith((it) => {
      const listening = upgrade(async (socket) => {
        socket.subscribe("all");
        await socket.send("ready");
        await socket.receive();
      });
      it.websocket("/", listening, { compress: true, compressFrom: 100 });
      it.websocket("/large", listening, { compress: true });
    });
    const client = await open(port, "/", { perMessageDeflate: true });
    await client.messages(1);
    const { ws } = client;
    const { _socket: socket } = ws as unknown as { _socket: NetSocket };
    const bytesOf = async (message: string): Promise<number> => {
      const [before, next] = [socket.bytesRead, once(ws, "message")];
      await loop.publish("all", message);
      await next;
      return socket.bytesRead - before;
    };
    expect(await bytesOf("x".repeat(99))).to.be.above(99);
    expect(await bytesOf("x".repeat(100))).to.be.below(50);
  });

  it("Loop.tasks and Loop.socketCounts have what sockets have subscribed to", async () => {
    const { loop, port } = await serveWith((it) =>
      it.websocket(
        "/",
        upgrade(function* (socket) {
          for (const topic of ["a", "b", "b", "c"]) socket.subscribe(topic);
          for (const topic of ["c", "d"]) socket.unsubscribe(topic);
          yield* socket.send("ready");
          yield* socket.receive();
        }),
      ),
    );
    const clients = [await open(port, "/"), await open(port, "/")];
    for (const client of clients) await client.messages(1);
    const [view] = loop.tasks().sockets;
    expect(view!.topics).to.deep.equal(["a", "b"]);
    expect(loop.socketCounts.subscriptions).to.equal(4);
    clients[0]!.ws.close();
    await clients[0]!.closed;
    clients[1]!.send("end");
    await clients[1]!.closed;
    await emptied(loop);
    expect(loop.socketCounts.subscriptions).to.equal(0);
  });
});

describe("upgrade", () => {
  it("throws a UsageError for what is no handler, and for a protocol that is no token", () => {
    expect(() => upgrade("echo" as never)).to.throw(UsageError, "a function");
    const protocol = "a b";
    expect(() => upgrade(echo, { protocol })).to.throw(UsageError, "a b");
  });

  const wrong: [option: string, value: unknown][] = [
    ["idleTimeoutMs", 7999],
    ["idleTimeoutMs", 960_001],
    ["maxMessageBytes", 2 ** 31],
    ["maxMessageBytes", 0],
    ["slow", "wait"],
    ["origins", ["example.org"]],
    ["origins", ["http://example.org/"]],
    ["maxSockets", -1],
    ["nosuch", 1],
  ];
  for (const [option, value] of wrong)
    it(`websocket() throws a UsageError for ${option}: ${JSON.stringify(value)}`, () => {
      const loop = new Loop({ log: false });
      expect(() =>
        loop.websocket("/", upgrade(echo), { [option]: value }),
      ).to.throw(UsageError, option);
    });
});

/** No socket is left. */
async function emptied(loop: Loop): Promise<void> {
  while (loop.socketCounts.open > 0)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A number does not grow any more. */
async function settled(value: () => number): Promise<void> {
  for (let last = -1; last !== value();) {
    last = value();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
