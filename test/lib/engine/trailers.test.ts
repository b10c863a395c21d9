/** Fields behind a body (RFC 9110, section 6.5): of a request, and of a reply. */
import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import {
  json,
  stream,
  type GatewayResponse,
  type Loop,
} from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { afterTest } from "../../support/hooks.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";

const LAST_CHUNK = /\r\n0\r\n([^]*)\r\n$/;

/** Pieces, and how many there were. */
function counted(init?: Partial<GatewayResponse>): GatewayResponse {
  let count = 0;
  function* pieces(): Generator<string> {
    for (const piece of ["a", "b", "c"]) {
      count++;
      yield piece;
    }
  }
  const trailers = () => ({ "x-pieces": count, "X-Latin": "\xe9" });
  return { trailers, ...init, body: pieces() };
}

async function ask(
  setup: (loop: Loop) => unknown,
  expected: RegExp[] = [],
): Promise<RawClient> {
  const server = await serveWith(setup, {}, { engine: "node" });
  server.expectLog(...expected);
  return await RawClient.connect(server.port);
}

async function open(setup: (loop: Loop) => unknown): Promise<{
  session: ClientHttp2Session;
  server: TestServer;
}> {
  const server = await serveWith(setup, {}, { http2: true });
  const session = connect(server.url);
  session.on("error", () => {});
  afterTest(() => session.destroy());
  return { session, server };
}

/** What comes of HTTP/2: the body, and what is behind it. */
async function get(
  session: ClientHttp2Session,
): Promise<[string, Record<string, unknown>]> {
  const asked = session.request();
  let trailers = {};
  asked.on(
    "trailers",
    (given) => (trailers = Object.fromEntries(Object.entries(given))),
  );
  return [await text(asked), trailers];
}

const UPLOAD = [
  "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  "3\r\nabc\r\n",
  "0\r\nX-Sum: 1\r\nx-sum: 2\r\nX-Name: \xc3\xa9\r\n\r\n",
];

const tellTrailers = (loop: Loop): unknown =>
  loop.mount(async (request) => {
    const before = [...request.trailers];
    const body = await request.text();
    const { trailers } = request;
    return json([
      before,
      body,
      trailers.get("X-SUM"),
      trailers.get("x-name"),
      request.headers.has("x-sum"),
    ]);
  });

const TOLD = JSON.stringify([[], "abc", "1, 2", "é", false]);

describe("request.trailers", () => {
  it("are there when the body has come, apart from the headers", async () => {
    const client = await ask(tellTrailers);
    for (const part of UPLOAD.slice(0, 2)) client.send(part);
    await client.send(UPLOAD[2]!).until(/\r\n\r\n\[/);
    expect(Buffer.from(client.received, "latin1").toString()).to.include(TOLD);
    client.request("GET /");
    await client.until(/\[\[\],"",null,null,false\]$/);
  });

  it("are there when it has been received, and is not read", async () => {
    const client = await ask((loop) =>
      loop.mount(async (request) => {
        await request.received();
        return String(request.trailers.get("x-sum"));
      }),
    );
    await client.send(UPLOAD.join("")).until(/\r\n\r\n1, 2$/);
  });

  it("come by HTTP/2", async () => {
    const { session } = await open(tellTrailers);
    const asked = session.request(
      { ":method": "PUT" },
      { waitForTrailers: true },
    );
    asked.on("wantTrailers", () =>
      asked.sendTrailers({ "X-Sum": ["1", "2"], "x-name": "Ã©" }),
    );
    asked.end("abc");
    expect(await text(asked)).to.equal(TOLD);
  });

  it("do not make a request of what reads as one, and count for maxHeaderBytes", async () => {
    const calls: string[] = [];
    const client = await ask((loop) =>
      loop.mount(async (request) => {
        calls.push(request.path);
        return `<${await request.text()}>`;
      }),
    );
    client.send(
      `${UPLOAD[0]}3\r\nabc\r\n0\r\nX:GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    await client.until(/<abc>$/);
    client.send(
      `${UPLOAD[0]}3\r\nabc\r\n0\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
    );
    await client.until(/HTTP\/1\.1 431 /);
    expect(calls).to.deep.equal(["/", "/"]);
  });
});

onEachEngine(({ name, serveWith: serve }) => {
  it("request.trailers are none of a request without", async () => {
    const server = await serve(tellTrailers);
    const reply = await fetch(server.url, { method: "PUT", body: "abc" });
    expect(await reply.json()).to.deep.equal([[], "abc", null, null, false]);
  });

  it(`A reply's trailers ${name === "uws" ? "are left out" : "follow it"}`, async () => {
    let asked = 0;
    const server = await serve((loop) =>
      loop.mount(() => {
        const trailers = (): Record<string, string> => ({ x: `${++asked}` });
        return stream(["a", "b"], { trailers });
      }),
    );
    const client = await RawClient.connect(server.port);
    const end = name === "uws" ? /\r\n\r\nab()$/ : LAST_CHUNK;
    await client.request("GET /").until(end);
    const [, behind] = end.exec(client.received)!;
    expect(behind).to.equal(name === "uws" ? "" : "x: 1\r\n");
    expect(asked).to.equal(name === "uws" ? 0 : 1);
  });
});

describe("trailers of a reply", () => {
  it("follow a body that is streamed, whole or empty, and are announced by the application's own header", async () => {
    const client = await ask((loop) =>
      loop
        .get("/streamed", () =>
          counted({ headers: { trailer: "x-pieces, x-latin" } }),
        )
        .get("/whole", () =>
          json([1], {
            trailers: () => [
              ["x-a", "1"],
              ["x-a", "2"],
            ],
          }),
        )
        .get("/empty", () => ({ trailers: () => ({ x: "1" }) }))
        .get("/written", () =>
          stream(
            async (out) => {
              await out.write("w");
            },
            { trailers: () => ({}) },
          ),
        ),
    );
    client.request("GET /streamed");
    await client.until(/c\r\n0\r\nx-pieces: 3\r\nX-Latin: \xe9\r\n\r\n$/);
    expect(client.received).to.match(/^trailer: x-pieces, x-latin\r$/im);
    client.request("GET /whole");
    await client.until(/\[1\]\r\n0\r\nx-a: 1\r\nx-a: 2\r\n\r\n$/);
    client.request("GET /empty");
    await client.until(/\r\n\r\n0\r\nx: 1\r\n\r\n$/);
    client.request("GET /written");
    await client.until(/w\r\n0\r\n\r\n$/);
  });

  it("are not for HEAD, 304 and HTTP/1.0, which do not announce them either", async () => {
    const reply = (): GatewayResponse =>
      counted({ headers: { trailer: "x-pieces" } });
    const client = await ask((loop) =>
      loop.get("/", reply).get("/304", () => ({ ...reply(), status: 304 })),
    );
    client.request("HEAD /").request("GET /304");
    await client.until(/304[^]*\r\n\r\n$/);
    client.send("GET / HTTP/1.0\r\n\r\n");
    const received = await client.untilClosed();
    expect(received).to.match(/\r\n\r\nabc$/);
    expect(received).not.to.match(/x-pieces/);
  });

  it("follow it by HTTP/2, also an empty one, and are none where there are none", async () => {
    const replies = [
      counted(),
      { trailers: () => ({ x: "1" }) },
      counted({
        trailers: () => [
          ["x", "1"],
          ["X", "2"],
        ],
      }),
      counted({ trailers: () => ({}) }),
      "plain",
    ];
    const { session } = await open((loop) => loop.mount(() => replies.shift()));
    const [body, { "x-pieces": pieces }] = await get(session);
    expect([body, pieces]).to.deep.equal(["abc", "3"]);
    expect(await get(session)).to.deep.equal(["", { x: "1" }]);
    expect(await get(session)).to.deep.equal(["abc", { x: "1, 2" }]);
    expect(await get(session)).to.deep.equal(["abc", {}]);
    expect(await get(session)).to.deep.equal(["plain", {}]);
  });

  it("are an error of the application that its client sees: names that cannot stand there, and whatever it throws", async () => {
    const replies: [() => never, RegExp][] = [
      [() => ({ "Content-Length": "1" }) as never, /Content-Length cannot be/],
      [() => ({ "set-cookie": "a=1" }) as never, /set-cookie cannot be/],
      [() => [["a\r\nb", "1"]] as never, /not a valid header name/],
      [() => ({ a: "1\r\nb: 2" }) as never, /not a valid header value/],
      [() => Promise.resolve({}) as never, /not a promise/],
      [
        () => {
          throw new Error("no sum");
        },
        /no sum/,
      ],
    ];
    for (const [trailers, told] of replies) {
      const server = await serveWith(
        (loop) => loop.mount(() => counted({ trailers })),
        {},
        { http2: true },
      );
      server.expectLog(/GET \/ failed/, /GET \/ failed/);
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").untilClosed();
      expect(received).to.match(/^HTTP\/1.1 200 /);
      expect(received).not.to.match(LAST_CHUNK);
      const line = await server.logged(({ level }) => level === 50);
      expect(line.err!.message).to.match(told);
      const session = connect(server.url);
      afterTest(() => session.destroy());
      session.on("error", () => {});
      const asked = session.request();
      const [error] = await once(asked.resume(), "error");
      expect(error).to.have.property("code", "ERR_HTTP2_STREAM_ERROR");
    }
  });

  it("are checked as far as they can be before the head", async () => {
    const replies: [GatewayResponse, RegExp][] = [
      [{ trailers: { x: "1" } as never }, /trailers are a function/],
      [
        counted({ headers: { "content-length": "3" } }),
        /a reply with trailers is sent in chunks/,
      ],
    ];
    for (const [reply, told] of replies) {
      const server = await serveWith((loop) => loop.mount(() => reply));
      server.expectLog(/GET \/ failed/);
      expect((await fetch(server.url)).status).to.equal(500);
      const line = await server.logged(({ level }) => level === 50);
      expect(line.err!.message).to.match(told);
    }
  });
});
