import { once } from "node:events";
import { connect } from "node:http2";
import { expect } from "chai";
import { encodePacket } from "../../../adapters/uwsgi/packet.ts";
import { wsgi } from "../../../adapters/wsgi.ts";
import {
  pathAndQuery,
  targetText,
} from "../../../lib/engine/path-and-query.ts";
import { json } from "../../../lib/index.ts";
import { HAS_UWS } from "../../support/native.ts";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, TestServer } from "../../support/server.ts";

describe("pathAndQuery()", () => {
  it("parts a target at its first question mark", () => {
    expect(pathAndQuery("/a?b?c")).to.deep.equal(["/a", "b?c"]);
    expect(pathAndQuery("/a")).to.deep.equal(["/a", ""]);
  });
});

describe("targetText()", () => {
  const targets: [bytes: string, text: string][] = [
    ["/a?b=%C3%A9", "/a?b=%C3%A9"],
    ["/\xc3\xa9?q=\xe2\x82\xac", "/é?q=€"],
    ["/\xe9?q=\xff\xfe", "/%E9?q=%FF%FE"],
    ["/\xc3\xa9/\xe9", "/é/%E9"],
  ];
  for (const [bytes, text] of targets)
    it(`makes ${text} of ${JSON.stringify(bytes)}`, () => {
      expect(targetText(bytes)).to.equal(text);
    });
});

const environ = wsgi(({ PATH_INFO, QUERY_STRING }, start) => {
  start("200 OK", []);
  return [JSON.stringify([PATH_INFO, QUERY_STRING])];
});

describe("Bytes beyond ASCII in a target", () => {
  it("reach request.path and environ by HTTP/2", async () => {
    const server = await serveWith(
      (loop) =>
        loop
          .mount("/wsgi", environ)
          .mount("/", ({ path, queryString }) => json([path, queryString])),
      {},
      { engine: "node", http2: true },
    );
    const client = connect(server.url);
    const get = async (path: string): Promise<unknown> => {
      const bytes = Buffer.from(path).toString("latin1"); // as which Node's client sends it
      const stream = client.request({ ":path": bytes }).setEncoding("utf8");
      let text = "";
      stream.on("data", (data: string) => (text += data));
      await once(stream, "end");
      return JSON.parse(text) as unknown;
    };
    try {
      expect(await get("/é?q=é")).to.deep.equal(["/é", "q=é"]);
      expect(await get("/wsgi/é?q=é")) //
        .to.deep.equal(["/\xc3\xa9", "q=\xc3\xa9"]);
    } finally {
      client.destroy();
    }
  });

  it("reach them by uwsgi, also what is not UTF-8", async () => {
    const server = new TestServer();
    server.loop
      .mount("/wsgi", environ)
      .mount("/", ({ path, queryString }) => json([path, queryString]));
    server.address = await server.loop.listen({ uwsgi: "127.0.0.1:0" });
    for (const [uri, expected] of [
      ["/\xc3\xa9?q=\xc3\xa9", ["/é", "q=é"]],
      ["/\xe9?q=\xe9", ["/%E9", "q=%E9"]],
      ["/wsgi/\xc3\xa9?q=\xc3\xa9", ["/\xc3\xa9", "q=\xc3\xa9"]],
      ["/wsgi/\xe9?q=\xe9", ["/\xe9", "q=%E9"]],
    ] as const) {
      const variables = { REQUEST_METHOD: "GET", REQUEST_URI: uri };
      const packet = encodePacket({ ...variables, HTTP_HOST: "test" });
      const client = await RawClient.connect(server.port);
      client.send(packet.toString("latin1"));
      const [body] = /\[.*/.exec(await client.untilClosed())!;
      const text = Buffer.from(body, "latin1").toString();
      expect(JSON.parse(text), uri).to.deep.equal(expected);
    }
  });

  if (HAS_UWS)
    for (const [target, answer] of [
      ["/\xc3\xa9?q=\xc3\xa9", '200 ["/é","q=é"]'],
      ["/wsgi/\xc3\xa9?q=\xc3\xa9", '200 ["/Ã©","q=Ã©"]'],
      [
        "/\xe9",
        "400 the path has bytes that are not UTF-8; send them percent-encoded\n",
      ],
      [
        "/?q=\xe9",
        "400 the query has bytes that are not UTF-8; send them percent-encoded\n",
      ],
    ] as const)
      it(`are UTF-8 or an error on uWebSockets.js: ${JSON.stringify(target)}`, async () => {
        const server = await serveWith(
          (loop) =>
            loop
              .mount("/wsgi", environ)
              .mount("/", ({ path, queryString }) => json([path, queryString])),
          {},
          { engine: "uws" },
        );
        const client = await RawClient.connect(server.port);
        client.request(`GET ${target}`, ["Connection: close"]);
        await client.untilClosed();
        const [, status, body] = /^HTTP\/1.1 (\d+)[^]*?\r\n\r\n([^]*)$/.exec(
          client.received,
        )!;
        const text = Buffer.from(body!, "latin1").toString();
        expect(`${status} ${text}`).to.equal(answer);
      });
});

onEachEngine((engine) => {
  describe("A query", () => {
    for (const target of ["/?a#b", "/?a\x7f"])
      it(`may not hold what no URL holds: ${JSON.stringify(target)}`, async () => {
        const server = await engine.serveWith((loop) => {
          loop.mount(({ queryString }) => queryString);
        });
        const client = await RawClient.connect(server.port);
        client.request(`GET ${target}`);
        await client.until(/^HTTP\/1.1 400 /);
      });
  });
});
