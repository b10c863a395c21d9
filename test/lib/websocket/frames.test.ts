/** Each case of the tables, played by a client that sends bytes, on each engine. */
import { expect } from "chai";
import { after, before } from "mocha";
import { upgrade, type Close, type Socket } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { FrameClient, handshake } from "../../support/frame-client.ts";
import { frame, message, PING, PONG } from "../../support/frames.ts";
import type { TestServer } from "../../support/server.ts";
import type { FrameCase } from "./frame-case.ts";
import { LIMIT } from "./frame-cases.ts";
import { CASES } from "./cases.ts";
import { DEFLATE_LIMIT } from "./compressed-cases.ts";
import { HANDSHAKES } from "./handshake-cases.ts";

/** For the key of the RFC's own example (section 1.3). */
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const STILL_THERE = "still there?";
const IS_THERE = message(PONG, STILL_THERE);

async function echo(socket: Socket): Promise<void> {
  for await (const one of socket) await socket.send(one);
}

onEachEngine((engine) => {
  const isNode = engine.name === "node";
  let server: TestServer;
  /** How the last socket was closed. */
  let ended: Promise<Close | undefined>;

  /** A handler whose end is kept. */
  const kept = (run: (socket: Socket) => Promise<void>) =>
    upgrade(async (socket) => {
      ended = run(socket).then(async () => {
        while ((await socket.receive()) !== undefined);
        return socket.closed;
      });
      await ended;
    });

  before(async () => {
    server = await engine.serveWith((loop) =>
      loop
        .websocket("/echo", kept(echo), { maxMessageBytes: LIMIT })
        .websocket("/deflate", kept(echo), {
          maxMessageBytes: DEFLATE_LIMIT,
          compress: true,
          compressFrom: 10,
        })
        .websocket(
          "/closes",
          kept(async (socket) => {
            await socket.receive();
            socket.close(4000, "enough");
          }),
        )
        .websocket(
          "/returns",
          upgrade((socket) => {
            ended = (async () => {
              await socket.receive();
              await socket.send("done");
              return undefined;
            })();
            return ended.then(() => {});
          }),
        )
        .websocket("/protocol", () => upgrade(echo, { protocol: "chat.v2" })),
    );
    server.kept = true;
  });
  after(() => server.close());

  describe("WebSocket frames", () => {
    for (const one of CASES)
      it(`${one.name} (${one.rule})`, async () => {
        const { gets, code } = (isNode && one.node) || one;
        const client = await upgraded(one);
        await sendAll(client, one);
        client.send(frame(PING, STILL_THERE));
        await settled(client, gets.length);
        const end = client.closed ? "closed" : "open";
        const got = client.received.filter((words) => words !== IS_THERE);
        expect(pongsFirst([...got, end])).to.deep.equal(pongsFirst(gets));
        if (code > 0) expect((await ended)?.code ?? code).to.equal(code);
        client.socket.destroy();
      });

    it("has at least 150 cases", () => {
      const count = CASES.length + HANDSHAKES.length;
      expect(count).to.be.at.least(150);
    });
  });

  describe("WebSocket handshake", () => {
    for (const one of HANDSHAKES)
      it(`with ${one.name}`, async () => {
        const { path = "/echo", fields, line } = one;
        const client = await FrameClient.connect(server.port);
        client.send(handshake(path, fields, line));
        await client.untilHead();
        const agreed =
          sorted(client.field("sec-websocket-extensions")) ??
          client.field("sec-websocket-protocol");
        const got = agreed === undefined ? [] : [agreed];
        expect([client.status, ...got]).to.deep.equal(one.gets);
        if (client.status === 101)
          expect(client.field("sec-websocket-accept")).to.equal(ACCEPT);
        client.socket.destroy();
      });
  });

  async function upgraded({
    path = "/echo",
    offers = "",
    early = Buffer.alloc(0),
  }: FrameCase): Promise<FrameClient> {
    const client = await FrameClient.connect(server.port);
    const head = handshake(path, { "sec-websocket-extensions": offers });
    client.send(Buffer.concat([Buffer.from(head), early]));
    await client.untilHead();
    expect(client.status).to.equal(101);
    return client;
  }
});

async function sendAll(client: FrameClient, { sends, waits = 0 }: FrameCase) {
  for (const [i, packet] of sends.entries()) {
    if (i === sends.length - 1)
      await client.until(() => client.received.length >= waits);
    await new Promise((resolve) => setImmediate(resolve));
    client.send(packet);
  }
}

/** It is closed, or has answered the last ping and as many frames as it has to. */
async function settled(client: FrameClient, frames: number): Promise<void> {
  const late = setTimeout(() => client.socket.destroy(), 1000);
  await client.until(
    () =>
      client.received.includes(IS_THERE) && client.received.length >= frames,
  );
  clearTimeout(late);
  const isClosing = ({ received }: FrameClient): boolean =>
    received.some((words) => words.startsWith("close"));
  if (isClosing(client)) await client.until(() => false);
}

/** An engine answers pings, and a handler messages: which is first is nobody's promise. */
function pongsFirst(words: readonly string[]): string[] {
  const isPong = (one: string): boolean => one.startsWith("pong");
  return [...words.filter(isPong), ...words.filter((one) => !isPong(one))];
}

/** The parameters of an extension may come in any order. */
const sorted = (field: string | undefined): string | undefined =>
  field?.split("; ").sort().join("; ");
