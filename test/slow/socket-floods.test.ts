/** Clients that send more than their handler takes; those of 192 MiB are in tools/hostile. */
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { connect, type Socket as NetSocket } from "node:net";
import { setImmediate, setTimeout as pass } from "node:timers/promises";
import { mock } from "node:test";
import { expect } from "chai";
import { upgrade, type Loop, type Socket } from "../../lib/index.ts";
import { CERTIFICATE } from "../support/certificate.ts";
import { onEachEngine } from "../support/engines.ts";
import { handshake } from "../support/frame-client.ts";
import { BINARY, CLOSE, closePayload, frame } from "../support/frames.ts";
import { afterTest } from "../support/hooks.ts";
import { TestServer } from "../support/server.ts";

const MIB = 1024 * 1024;
const MESSAGE = 64 * 1024;
const COUNT = 256; // 16 MiB

/** What is accepted beyond `maxQueuedBytes`: what an engine has read when it is told to leave off. */
const BEYOND = 8 * MIB;

onEachEngine((engine) => {
  /** A handler that waits until it is told to go on, and says whether all came in order. */
  async function serve(tls: boolean) {
    let goOn!: () => void;
    const told = new Promise<void>((resolve) => (goOn = resolve));
    let settle!: (count: number) => void;
    const inOrder = new Promise<number>((resolve) => (settle = resolve));
    let held: Socket | undefined;
    const server = new TestServer();
    server.loop.websocket(
      "/",
      upgrade(async (socket) => {
        held = socket;
        await told;
        let count = 0;
        for await (const message of socket) {
          const at = Buffer.from(message as Uint8Array).readUInt32BE();
          if (at === count && message.length === MESSAGE) count++;
        }
        settle(count);
      }),
    );
    server.address = await server.loop.listen({
      port: 0,
      host: "127.0.0.1",
      ...engine.options,
      ...(tls && { tls: CERTIFICATE }),
    });
    return {
      loop: server.loop,
      port: server.port,
      goOn,
      inOrder,
      left: () => held!,
    };
  }

  async function flood(port: number, tls: boolean): Promise<NetSocket> {
    const target = { port, host: "127.0.0.1", rejectUnauthorized: false };
    const socket = tls ? connectTls(target) : connect(target);
    afterTest(() => socket.destroy());
    socket.on("error", () => {}); // a reset
    await once(socket, tls ? "secureConnect" : "connect");
    socket.write(handshake("/"));
    await once(socket, "data");
    for (let i = 0; i < COUNT; i++) {
      const message = Buffer.alloc(MESSAGE);
      message.writeUInt32BE(i);
      socket.write(frame(BINARY, message));
    }
    return socket;
  }

  describe("A client that sends more than maxQueuedBytes", () => {
    for (const tls of [false, true])
      it(`is held back, and nothing of it is lost, over ${tls ? "TLS" : "TCP"}`, async () => {
        const { loop, port, goOn, inOrder } = await serve(tls);
        const socket = await flood(port, tls);
        await standstill(loop);
        expect(loop.socketCounts.receivedBytes).to.be.below(MIB + BEYOND);
        goOn();
        socket.write(frame(CLOSE, closePayload(1000)));
        expect(await inOrder).to.equal(COUNT);
      });

    for (const how of ["destroy", "resetAndDestroy"] as const)
      it(`is known to have left within ten seconds (${how})`, async () => {
        mock.timers.enable({ apis: ["setInterval"] });
        afterTest(() => mock.timers.reset()); // behind the server's end, which clears its own
        const { loop, port, goOn, left } = await serve(false);
        const socket = await flood(port, false);
        await standstill(loop);
        socket[how]();
        await once(socket, "close");
        let waitedMs = 0;
        while (waitedMs < 10_000 && left().closed === undefined) {
          await pass(1); // a timer of the engine comes before what is read in its turn
          mock.timers.tick(500);
          waitedMs += 500;
          await setImmediate();
        }
        expect(left().closed).to.include({ code: 1006 });
        goOn();
      });
  });
});

/** Nothing more comes. */
async function standstill({ socketCounts }: Loop): Promise<void> {
  for (let last = -1; last !== socketCounts.received;) {
    last = socketCounts.received;
    await pass(150);
  }
}
