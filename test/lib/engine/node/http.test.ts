/** HTTP/1.0, pipelines, half-closed clients and the rest of what only the engine "node" does. */
import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate, setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { suspend } from "effection";
import {
  json,
  stream,
  upgrade,
  type AccessRecord,
  type Loop,
  type LoopOptions,
} from "../../../../lib/index.ts";
import { wsgi } from "../../../../adapters/wsgi.ts";
import { Gate } from "../../../support/gate.ts";
import { RawClient } from "../../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../../support/server.ts";

const serve = (
  setup: (loop: Loop) => unknown,
  options: Omit<LoopOptions, "log"> = {},
): Promise<TestServer> => serveWith(setup, options, { engine: "node" });

/** What comes back until the connection is closed. */
async function say(server: TestServer, bytes: string): Promise<string> {
  const client = await RawClient.connect(server.port);
  return await client.send(bytes).untilClosed();
}

const heads = (received: string): string[] =>
  received.match(/HTTP\/1\.1 \d{3}/g) ?? [];

describe('An upgrade with listen({ engine: "node" })', () => {
  it("behind a request in the same packet is 400", async () => {
    const server = await serve((loop) => {
      loop.websocket("/ws", () => upgrade(async () => {}));
      loop.get("/", () => "hello");
    });
    const ask = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const upgrades =
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    expect(heads(await say(server, ask + upgrades))).to.deep.equal([
      "HTTP/1.1 200",
      "HTTP/1.1 400",
    ]);
    expect(await (await fetch(server.url)).text()).to.equal("hello");
  });
});

describe('HTTP/1.0 with listen({ engine: "node" })', () => {
  const setup = (loop: Loop): Loop =>
    loop
      .get("/", () => "hello")
      .get("/stream", () => stream(["a", "b"]))
      .get("/host", (request) => json([request.host]));

  it("has a reply that says close, and closes", async () => {
    const received = await say(await serve(setup), "GET / HTTP/1.0\r\n\r\n");
    expect(received).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received).to.match(/^connection: close\r$/im);
    expect(received).to.match(/^date: /im);
    expect(received).to.match(/\r\n\r\nhello$/);
  });

  it("keeps the connection where the client asks for it", async () => {
    const server = await serve(setup);
    const client = await RawClient.connect(server.port);
    const kept = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    await client.send(kept).until(/hello$/);
    expect(client.received).to.match(/^connection: keep-alive\r$/im);
    await client.send(kept).until(/hello[^]*hello$/);
    client.abort();
  });

  it("ends a stream by the end of the connection, and says so", async () => {
    const received = await say(
      await serve(setup),
      "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    );
    expect(received).to.match(/^connection: close\r$/im);
    expect(received).not.to.match(/^transfer-encoding/im);
    expect(received).to.match(/\r\n\r\nab$/);
  });

  it("resets the connection where a stream fails: its end would pass for that of the stream", async () => {
    const begun = new Gate();
    const server = await serve((loop) =>
      loop.get("/", () =>
        stream(async (out) => {
          await out.write("begun");
          await begun.opened;
          throw new Error("broken off");
        }),
      ),
    );
    server.expectLog(/broken off/);
    const socket = connect(server.port, "127.0.0.1");
    socket.write("GET / HTTP/1.0\r\n\r\n");
    await once(socket, "data");
    begun.open();
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).to.equal("ECONNRESET");
  });

  it("is what applications and the access log are told", async () => {
    const environ = wsgi((environ, startResponse) => {
      startResponse("200 OK", []);
      return [Buffer.from(environ.SERVER_PROTOCOL)];
    });
    const lines: AccessRecord[] = [];
    const server = await serve(
      (loop) => loop.get("/", (r) => r.protocol).mount("/wsgi", environ),
      { accessLog: (line) => void lines.push(line) },
    );
    for (const path of ["/", "/wsgi"])
      for (const version of ["1.0", "1.1"]) {
        const bytes = `GET ${path} HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`;
        const received = await say(server, bytes);
        expect(received).to.match(new RegExp(`HTTP/${version}$`));
      }
    const told = lines.map(({ request }) => request.protocol);
    expect(told).to.deep.equal([
      "HTTP/1.0",
      "HTTP/1.1",
      "HTTP/1.0",
      "HTTP/1.1",
    ]);
  });

  it("needs no Host", async () => {
    const received = await say(
      await serve(setup),
      "GET /host HTTP/1.0\r\n\r\n",
    );
    expect(received).to.match(/\r\n\r\n\[""\]$/);
  });
});

describe('Pipelined requests with listen({ engine: "node" })', () => {
  for (const count of [2, 5, 20, 50, 300])
    it(`get every reply in order, ${count} of them behind handlers that wait`, async () => {
      let running = 0;
      const server = await serve((loop) =>
        loop.get("/:id", async ({ params }) => {
          expect(++running).to.equal(1);
          await setTimeout(1);
          running--;
          return `(${params["id"]})`;
        }),
      );
      const ids = Array.from({ length: count }, (_, i) => i);
      const client = await RawClient.connect(server.port);
      client.send(
        ids.map((id) => `GET /${id} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""),
      );
      await client.until(new RegExp(`\\(${count - 1}\\)$`));
      client.abort();
      const seen = [...client.received.matchAll(/\((\d+)\)/g)];
      expect(seen.map(([, id]) => Number(id))).to.deep.equal(ids);
    });

  it("get their bodies, each its own", async () => {
    const server = await serve((loop) =>
      loop.mount(async (request) => {
        await setTimeout(1);
        return `(${await request.text()})`;
      }),
    );
    const client = await RawClient.connect(server.port);
    for (const body of ["one", "two", "three"])
      client.request("POST /", [`Content-Length: ${body.length}`], body);
    await client.until(/\(one\)[^]*\(two\)[^]*\(three\)$/);
    client.abort();
  });

  it("are answered before what is malformed behind them, which is refused", async () => {
    const server = await serve((loop) =>
      loop.mount(async () => {
        await setTimeout(5);
        return "in time";
      }),
    );
    const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const received = await say(server, `${good}${good}GARBAGE\r\n\r\n`);
    expect(heads(received)).to.deep.equal([
      "HTTP/1.1 200",
      "HTTP/1.1 200",
      "HTTP/1.1 400",
    ]);
  });

  it("end with the one whose body is malformed, also where that had to wait", async () => {
    const server = await serve((loop) =>
      loop.mount(async (request) => {
        await setTimeout(5);
        return request.text();
      }),
    );
    const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const bad =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n";
    const received = await say(server, good + bad + good);
    expect(heads(received)).to.deep.equal(["HTTP/1.1 200", "HTTP/1.1 400"]);
    expect(server.loop.tally).to.include({ accepted: 1, ok: 1 });
  });

  it("that nobody waits for any more are not served", async () => {
    const inside = new Gate();
    const server = await serve(
      (loop) =>
        loop.mount(function* () {
          inside.open();
          yield* suspend();
          return "";
        }),
      { accessLog: true },
    );
    const client = await RawClient.connect(server.port);
    client.request("GET /").request("GET /").request("GET /");
    await inside.opened;
    client.socket.resetAndDestroy();
    await server.logged(({ outcome }) => outcome === "abort");
    expect(server.loop.tally.accepted).to.equal(1);
  });
});

describe('Requests with listen({ engine: "node" })', () => {
  const seen = (loop: Loop): Loop =>
    loop.mount((request) =>
      json([request.method, request.path, request.queryString, request.host]),
    );

  const targets: [target: string, host: string, expected: string[]][] = [
    ["http://a.example:80/b?c", "z", ["GET", "/b", "c", "a.example:80"]],
    ["http://a.example", "a.example", ["GET", "/", "", "a.example"]],
    ["HTTPS://a.example?c=/", "", ["GET", "/", "c=/", "a.example"]],
    ["/b?c=http://d/", "a", ["GET", "/b", "c=http://d/", "a"]],
  ];
  for (const [target, host, expected] of targets)
    it(`are understood for the target ${target}`, async () => {
      const bytes = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      const received = await say(await serve(seen), bytes);
      expect(received.split("\r\n\r\n")[1]).to.equal(JSON.stringify(expected));
    });

  it("for the server as a whole (OPTIONS *) are answered without an application", async () => {
    let calls = 0;
    const server = await serve((loop) => loop.mount(() => `${++calls}`), {
      accessLog: true,
    });
    const bytes = "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expect(await say(server, bytes)).to.match(/^HTTP\/1.1 204 /);
    expect(calls).to.equal(0);
    expect(await server.logged(({ msg }) => msg === "request")).to.include({
      path: "*",
    });
  });

  it("end their connection where one of two Connection fields says close", async () => {
    const server = await serve(() => {});
    const received = await say(
      server,
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
    );
    expect(received).to.match(/^connection: close\r$/im);
  });

  it("have bytes beyond ASCII in fields, at the ends of values, too", async () => {
    const server = await serve((loop) =>
      loop.mount(({ headers }) => json([headers.get("x"), headers.get("y")])),
    );
    const received = await say(
      server,
      "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9 \xc3\xa9\r\nY: \xe9b\xe9\r\nConnection: close\r\n\r\n",
    );
    const [, body = ""] = received.split("\r\n\r\n");
    expect(JSON.parse(Buffer.from(body, "latin1").toString())).to.deep.equal([
      "é é",
      "ébé",
    ]);
  });

  const EXPECTING =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";

  it("that expect a 100 get it when their body is wanted", async () => {
    const wanted = new Gate();
    const server = await serve((loop) =>
      loop.mount(async (request) => {
        await wanted.opened;
        return request.text();
      }),
    );
    const client = await RawClient.connect(server.port);
    client.send(EXPECTING);
    await setTimeout(10);
    expect(client.received).to.equal("");
    wanted.open();
    await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    await client.send("abc").until(/\r\n\r\nabc$/);
    client.abort();
  });

  it("that expect a 100 get none where the body is not wanted, and no further request can be meant", async () => {
    const server = await serve((loop) => loop.mount(() => "no, thanks"));
    const received = await say(server, EXPECTING);
    expect(heads(received)).to.deep.equal(["HTTP/1.1 200"]);
    expect(received).to.match(/^connection: close\r$/im);
  });

  it("get the date with each reply, also those that no application gives", async () => {
    const server = await serve((loop) => loop.get("/204", () => null), {
      idleTimeoutMs: 50,
    });
    for (const [bytes, status] of [
      ["GET /204 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204],
      ["HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404],
      ["GET / HTTP/1.1\r\n\r\n", 400],
      ["GARBAGE\r\n\r\n", 400],
      ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
      ["CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501],
      [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17_000)}\r\n\r\n`, 431],
    ] as const) {
      const received = await say(server, bytes);
      expect(received).to.match(new RegExp(`^HTTP/1.1 ${status} `));
      expect(received.match(/^date: .* GMT\r$/gim), received).to.have.length(1);
      expect(received).to.match(/^connection: close\r$/im);
    }
  });

  it("may take longer than idleTimeoutMs, and so may their replies", async () => {
    const server = await serve(
      (loop) =>
        loop
          .get("/waits", async () => {
            await setTimeout(250);
            return "at last";
          })
          .get("/streams", () =>
            stream(async (out) => {
              await out.write("a");
              await setTimeout(250);
              await out.write("b");
            }),
          ),
      { idleTimeoutMs: 50 },
    );
    expect(await (await fetch(`${server.url}/waits`)).text()).to.equal(
      "at last",
    );
    expect(await (await fetch(`${server.url}/streams`)).text()).to.equal("ab");
  });

  it("that are refused get their reply whole, though their client sends on", async () => {
    const server = await serve((loop) => loop.mount(() => "never"));
    const length = 30_000_000;
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
    for (let round = 0; round < 3; round++) {
      const client = await RawClient.connect(server.port);
      client.socket.pause();
      const { socket } = client.send(head);
      const error = await new Promise((resolve) =>
        socket.write(Buffer.alloc(length), resolve),
      );
      expect(error ?? undefined).to.equal(undefined);
      socket.resume();
      const received = await client.untilClosed();
      expect(received).to.match(/^HTTP\/1.1 413 [^]*allowed here\n$/);
    }
  });

  it("are cut where their body stops coming", async () => {
    const server = await serve((loop) => loop.mount((r) => r.text()), {
      idleTimeoutMs: 50,
      accessLog: true,
    });
    const bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc";
    expect(await say(server, bytes)).to.equal("");
    await server.logged(({ outcome }) => outcome === "abort");
  });
});

describe('A half-closed client with listen({ engine: "node" })', () => {
  async function ask(
    server: TestServer,
    path: string,
    version = "1.1",
  ): Promise<string> {
    const socket = connect({
      port: server.port,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    socket.end(`GET ${path} HTTP/${version}\r\nHost: a\r\n\r\n`);
    let received = "";
    for await (const chunk of socket.setEncoding("latin1"))
      received += chunk as string;
    return received;
  }

  const setup = (loop: Loop): Loop =>
    loop
      .get("/at-once", () => "reply")
      .get("/soon", async () => {
        await setTimeout(10);
        await setImmediate(); // a loop that was late reads what has come: the end of the client's side
        await setImmediate();
        return "reply";
      })
      .get("/late", async () => {
        await setTimeout(400);
        return "reply";
      })
      .get("/stream", () =>
        stream(async (out) => {
          await out.write("re");
          await setTimeout(400);
          await out.write("ply");
        }),
      )
      .get("/large", () => Buffer.alloc(5_000_000, "x"));

  for (const path of ["/at-once", "/soon"])
    it(`gets its reply (${path}), which says close`, async () => {
      const received = await ask(await serve(setup), path);
      expect(received).to.match(/^HTTP\/1.1 200 [^]*\r\n\r\nreply$/);
      if (path !== "/at-once")
        expect(received).to.match(/^connection: close\r$/im);
    });

  it("gets its reply after a while, and interim ones before", async () => {
    const received = await ask(await serve(setup), "/late");
    expect(received).to.match(
      /^(HTTP\/1.1 100 Continue\r\n\r\n)+HTTP\/1.1 200 [^]*\r\n\r\nreply$/,
    );
  });

  it("gets nothing but its reply where it speaks HTTP/1.0", async () => {
    const received = await ask(await serve(setup), "/late", "1.0");
    expect(heads(received)).to.deep.equal(["HTTP/1.1 200"]);
  });

  it("gets its stream whole, in chunks that are understood", async () => {
    const received = await ask(await serve(setup), "/stream");
    expect(received).to.match(/\r\n\r\n2\r\nre\r\n0+3\r\nply\r\n0+\r\n\r\n$/);
  });

  it("gets a large reply whole", async () => {
    const received = await ask(await serve(setup), "/large");
    expect(received.split("\r\n\r\n")[1]).to.have.lengthOf(5_000_000);
  });

  it("that leaves in the middle of a stream is an abort", async () => {
    const server = await serve(
      (loop) =>
        loop.mount(() =>
          stream(function* (out) {
            yield* out.write("begun");
            yield* suspend();
          }),
        ),
      { accessLog: true },
    );
    const client = await RawClient.connect(server.port);
    await client.request("GET /").until(/begun/);
    client.abort();
    await server.logged(({ outcome }) => outcome === "abort");
  });
});
