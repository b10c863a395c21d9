/** Version 2 of the PROXY protocol, byte by byte. */
import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { json, UsageError } from "../../../../lib/index.ts";
import { readProxyHead } from "../../../../lib/engine/node/proxy-protocol.ts";
import { CERTIFICATE } from "../../../support/certificate.ts";
import { RawClient } from "../../../support/raw-client.ts";
import { serveWith, TestServer } from "../../../support/server.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V4 = [203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x34, 0, 80];
const ZEROS = Array<number>(36).fill(0);
const V6 = [0x20, 1, 0xd, 0xb8, ...ZEROS.slice(25), 9, ...ZEROS.slice(16)];

const head = (command: number, family: number, rest: number[]): Buffer =>
  Buffer.from([
    ...Buffer.from(SIGNATURE),
    command,
    family,
    0,
    rest.length,
    ...rest,
  ]);

describe("readProxyHead()", () => {
  const heads: [title: string, bytes: Buffer, address: string][] = [
    ["IPv4", head(0x21, 0x11, V4), "203.0.113.7"],
    ["IPv6", head(0x21, 0x21, V6), "2001:db8::9"],
    [
      "IPv4 with further values",
      head(0x21, 0x11, [...V4, 4, 0, 1, 0]),
      "203.0.113.7",
    ],
    ["the proxy itself (LOCAL)", head(0x20, 0x11, V4), ""],
    ["no family", head(0x21, 0, []), ""],
    ["a Unix socket", head(0x21, 0x31, Array<number>(216).fill(47)), ""],
  ];
  for (const [title, bytes, address] of heads)
    it(`reads ${title}, once it is whole`, () => {
      for (let length = 0; length < bytes.length; length++)
        expect(readProxyHead(bytes.subarray(0, length))).to.equal("incomplete");
      const more = Buffer.concat([bytes, Buffer.from("GET /")]);
      expect(readProxyHead(more)).to.deep.equal({
        address,
        length: bytes.length,
      });
    });

  it("sees at the first byte that there is none", () =>
    expect(readProxyHead(Buffer.from("G"))).to.equal("none"));
});

describe('listen({ engine: "node" }) with proxyHeader "proxy-v2"', () => {
  const options = {
    trustProxy: ["loopback"],
    proxyHeader: "proxy-v2",
    idleTimeoutMs: 200,
  } as const;

  const serve = (): Promise<TestServer> =>
    serveWith(
      (loop) => loop.mount(({ remoteAddress }) => json([remoteAddress])),
      options,
      { engine: "node" },
    );

  it("takes a head and a request byte by byte", async () => {
    const server = await serve();
    const client = await RawClient.connect(server.port);
    client.socket.setNoDelay(true);
    const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const byte of head(0x21, 0x11, V4).toString("latin1") + request) {
      client.send(byte);
      await setImmediate();
    }
    await client.until(/\["203.0.113.7"\]$/);
    await client.send(request).until(/\["203.0.113.7"\][^]*\["203.0.113.7"\]$/);
    client.abort();
  });

  it("takes connections without a head", async () => {
    const server = await serve();
    expect(await (await fetch(server.url)).json()).to.deep.equal(["127.0.0.1"]);
  });

  it("lets nobody wait for ever with half a head", async () => {
    const server = await serve();
    const client = await RawClient.connect(server.port);
    expect(await client.send(SIGNATURE).untilClosed()).to.equal("");
    const leaving = connect(server.port, "127.0.0.1");
    leaving.end("\r\n\r\n");
    await new Promise((resolve) => leaving.resume().once("close", resolve));
  });

  it("lets nobody wait for ever behind a head, with half a request", async () => {
    const server = await serve();
    const client = await RawClient.connect(server.port);
    client.send(`${head(0x21, 0x11, V4).toString("latin1")}GET / HT`);
    expect(await client.untilClosed()).to.match(/^(HTTP\/1.1 408 |$)/);
  });

  it("is an error with TLS", async () => {
    const server = new TestServer(options);
    const error = await server.loop
      .listen({ port: 0, engine: "node", tls: CERTIFICATE })
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(UsageError);
    expect(String(error)).to.include("neither with TLS");
  });
});
