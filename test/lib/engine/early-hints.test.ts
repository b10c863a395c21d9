/** `request.hint()`: 103 Early Hints (RFC 8297). */
import { once } from "node:events";
import { connect } from "node:http2";
import { expect } from "chai";
import {
  InvalidReplyError,
  type GatewayRequest,
  type ListenOptions,
} from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { Gate } from "../../support/gate.ts";
import { afterTest } from "../../support/hooks.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";

const LINK = "</a.css>; rel=preload";

/** Answers with what the hints gave; `/late`, with what one gives behind the reply. */
function answer(request: GatewayRequest): string {
  const first = request.hint({ link: LINK });
  const second = request.hint([
    ["link", LINK],
    ["x-latin", "\xe9"],
    ["content-length", "5"],
    ["connection", "close"],
  ]);
  return `${first} ${second}`;
}

const serve = (target: ListenOptions): Promise<TestServer> =>
  serveWith((loop) => loop.mount(answer), {}, target);

describe("request.hint()", () => {
  it("sends interim replies before the reply, one for each call", async () => {
    const client = await RawClient.connect(
      (await serve({ engine: "node" })).port,
    );
    client.request("GET /");
    await client.until(/true true$/);
    const [first, second, reply] = client.received.split("\r\n\r\n");
    expect(first).to.equal(`HTTP/1.1 103 Early Hints\r\nlink: ${LINK}`);
    expect(second).to.equal(
      `HTTP/1.1 103 Early Hints\r\nlink: ${LINK}\r\nx-latin: \xe9`,
    );
    expect(reply).to.match(/^HTTP\/1.1 200 OK\r\n/);
  });

  it("waits for the client's turn: each stands before its own reply in a pipeline", async () => {
    const client = await RawClient.connect(
      (await serve({ engine: "node" })).port,
    );
    client.request("GET /").request("GET /");
    await client.until(/true true[^]*true true$/);
    const statuses = client.received.match(/(?<=HTTP\/1.1 )\d+/g);
    expect(statuses).to.deep.equal(["103", "103", "200", "103", "103", "200"]);
  });

  it("is not for clients of HTTP/1.0", async () => {
    const { port } = await serve({ engine: "node" });
    const client = await RawClient.connect(port);
    const received = await client.send("GET / HTTP/1.0\r\n\r\n").untilClosed();
    expect(received).to.match(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\nfalse false$/);
  });

  it("sends them by HTTP/2", async () => {
    const session = connect((await serve({ http2: true })).url);
    afterTest(() => session.destroy());
    const hints: unknown[] = [];
    const asked = session.request();
    asked.on("headers", (headers) =>
      hints.push([headers[":status"], headers["link"], headers["x-latin"]]),
    );
    await once(asked, "response");
    expect(hints).to.deep.equal([
      [103, LINK, undefined],
      [103, LINK, "\xe9"],
    ]);
    expect(String(await asked.toArray())).to.equal("true true");
  });
});

onEachEngine(({ name, serveWith: on }) => {
  it("request.hint() says whether it has sent anything: not once the reply has begun, nor to a client that has left", async () => {
    const inside = new Gate();
    const hinted: boolean[] = [];
    const server = await on((loop) =>
      loop
        .mount((request) => {
          setImmediate(() => hinted.push(request.hint({ link: LINK })));
          return answer(request);
        })
        .get("/left", async (request) => {
          inside.open();
          await once(request.signal, "abort");
          hinted.push(request.hint({ link: LINK }));
        }),
    );
    const sends = name === "node";
    const text = await (await fetch(server.url)).text();
    expect(text).to.equal(`${sends} ${sends}`);
    const client = await RawClient.connect(server.port);
    client.request("GET /left");
    await inside.opened;
    client.abort();
    while (hinted.length < 2) await new Promise(setImmediate);
    expect(hinted).to.deep.equal([false, false]);
  });

  it("request.hint() refuses what would make a header of its own, as a reply does", async () => {
    const server = await on((loop) =>
      loop.mount((request) => {
        const bad = [
          { "link\r\nx": "1" },
          { link: "a\r\nx: 1" },
          { link: "a\n\nHTTP/1.1 200 OK" },
          { link: "a\0" },
          { "transfer-encoding": "chunked" },
        ];
        for (const fields of bad)
          expect(() => request.hint(fields)).to.throw(InvalidReplyError);
        return "refused";
      }),
    );
    const client = await RawClient.connect(server.port);
    await client.request("GET /").until(/refused$/);
    expect(client.received).to.match(/^HTTP\/1.1 200 OK\r\n/);
  });
});
