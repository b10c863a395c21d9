/** How the sockets of a loop end with it. */
import { once } from "node:events";
import { expect } from "chai";
import { sleep, suspend } from "effection";
import { upgrade, type Loop, type Socket } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { handshake } from "../../support/frame-client.ts";
import { Gate } from "../../support/gate.ts";
import { RawClient } from "../../support/raw-client.ts";
import { SocketClient } from "../../support/web-socket.ts";

/** A handler that never ends by itself. */
function* parked() {
  yield* suspend();
}

const openAll = (port: number, count: number): Promise<SocketClient[]> =>
  Promise.all(
    Array.from({ length: count }, () => SocketClient.open(port, "/")),
  );

onEachEngine(({ serveWith }) => {
  describe("Loop.close, with sockets", () => {
    it("closes them with 1001, waits for their tasks, and reports how many there were", async () => {
      let saved = 0;
      const { loop, port } = await serveWith((it) =>
        it.websocket(
          "/",
          upgrade(function* (socket) {
            while ((yield* socket.receive()) !== undefined);
            yield* sleep(20);
            saved++;
          }),
        ),
      );
      const clients = await openAll(port, 50);
      clients[0]!.ws.close();
      await clients[0]!.closed;
      while (loop.socketCounts.open > 49)
        await new Promise((resolve) => setTimeout(resolve, 5));
      const report = await loop.close();
      for (const client of clients.slice(1))
        expect((await client.closed)[0]).to.equal(1001);
      expect(saved).to.equal(50);
      expect(report.halted).to.deep.equal([]);
      expect(report.sockets).to.deep.equal({ closed: 49, halted: 0 });
      expect(loop.socketCounts.open).to.equal(0);
    });

    const ways: [
      what: string,
      drainTimeoutMs: number,
      atFirst: (loop: Loop) => void,
      left: number[],
    ][] = [
      ["in lots, a thousand a second", 30_000, () => {}, [40, 20, 0]],
      ["all at once with drainTimeoutMs 0", 0, () => {}, [0]],
      [
        "those that are left at once when stop() is called",
        30_000,
        (loop) => void loop.stop(),
        [40, 0],
      ],
    ];
    for (const [what, drainTimeoutMs, atFirst, left] of ways)
      it(`closes ${what}`, async () => {
        const all: Socket[] = [];
        const seen = new Set<number>();
        const { loop, port } = await serveWith(
          (it) =>
            it.websocket(
              "/",
              upgrade(async (socket) => {
                all.push(socket);
                await socket.receive();
                if (seen.size === 0) atFirst(loop);
                seen.add(all.filter(({ closed }) => !closed).length);
                await new Promise(setImmediate); // it ends by itself, a little later
              }),
            ),
          { drainTimeoutMs },
        );
        const clients = await openAll(port, 60);
        const { sockets } = await loop.close();
        expect([...seen]).to.deep.equal(left);
        for (const client of clients)
          expect((await client.closed)[0]).to.equal(1001);
        expect(sockets).to.deep.equal({ closed: 60, halted: 0 });
      });

    it("answers 503 to who asks for a further one meanwhile", async () => {
      const finish = new Gate();
      const { loop, port } = await serveWith((it) =>
        it
          .get("/plain", () => "plain")
          .websocket(
            "/",
            upgrade(async (socket) => {
              await socket.receive();
              await finish.opened;
            }),
          ),
      );
      const late = await RawClient.connect(port);
      await late.request("GET /plain").until(/plain$/); // it is known to the engine, and not cut in a drain
      const client = await SocketClient.open(port, "/");
      const closing = loop.close();
      expect((await client.closed)[0]).to.equal(1001);
      late.send(handshake("/"));
      await late.until(/HTTP\/1\.1 503 /);
      expect(loop.socketCounts).to.include({ open: 1, opened: 1 });
      finish.open();
      expect((await closing).sockets).to.deep.equal({ closed: 1, halted: 0 });
    });

    it("halts those whose handlers go on after drainTimeoutMs; report and log say how many", async () => {
      let halted = 0;
      const server = await serveWith(
        (it) =>
          it.get("/hang", parked as never).websocket(
            "/",
            upgrade(function* () {
              try {
                yield* suspend();
              } finally {
                halted++;
              }
            }),
          ),
        { drainTimeoutMs: 50 },
      );
      const { loop, port } = server;
      server.expectLog(/had to be halted/);
      const clients = await openAll(port, 2);
      const hanging = await RawClient.connect(port);
      hanging.request("GET /hang");
      while (loop.tasks().exchanges.length === 0)
        await new Promise(setImmediate);
      const { sockets } = await loop.close();
      for (const client of clients)
        expect((await client.closed)[0]).to.equal(1001);
      expect(halted).to.equal(2);
      expect(sockets).to.deep.equal({ closed: 2, halted: 2 });
      const line = await server.logged(({ msg }) => /stopped/.test(msg ?? ""));
      expect(line.msg).to.equal(
        "stopped; 1 exchange and 2 sockets had to be halted",
      );
      expect(line.sockets).to.deep.equal(sockets);
    });

    it("reports those that were halted after closeTimeoutMs, too, but not what was before", async () => {
      const server = await serveWith((it) =>
        it.websocket("/", upgrade(parked), { closeTimeoutMs: 20 }),
      );
      const { loop, port } = server;
      server.expectLog(/stopped; 1 socket had to be halted/);
      const before = await SocketClient.open(port, "/");
      before.ws.terminate();
      while (loop.socketCounts.open > 0)
        await new Promise((resolve) => setTimeout(resolve, 5));
      const client = await SocketClient.open(port, "/");
      const [{ sockets }] = await Promise.all([
        loop.close(),
        once(client.ws, "close"),
      ]);
      expect(sockets).to.deep.equal({ closed: 1, halted: 1 });
    });
  });
});
