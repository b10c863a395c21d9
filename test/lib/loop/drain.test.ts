import { once } from "node:events";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { suspend, type Operation } from "effection";
import { HttpError, Loop, stream, type Reply } from "../../../lib/index.ts";
import { folderWith } from "../../support/folder.ts";
import { Gate } from "../../support/gate.ts";
import { afterTest } from "../../support/hooks.ts";
import { RawClient } from "../../support/raw-client.ts";
import { TestServer } from "../../support/server.ts";
import { onEachEngine } from "../../support/engines.ts";

/** A hundred of them, each with a request; they say what they got. */
const CLIENTS = `
  const { parentPort, workerData: port } = require("node:worker_threads");
  const { connect } = require("node:net");
  parentPort.once("message", (connected) => {
    let left = 100;
    const clients = Array.from({ length: 100 }, () => new Promise((resolve) => {
      let said = "";
      const client = connect(port, "127.0.0.1", () =>
        client.write("GET / HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n", () => {
          if (--left > 0) return;
          Atomics.store(connected, 0, 1);
          Atomics.notify(connected, 0);
        }))
        .on("data", (data) => (said += data))
        .on("error", () => {})
        .on("close", () => resolve(said.split("\\r\\n")[0]));
    }));
    Promise.all(clients).then((said) => parentPort.postMessage(said));
  });`;

onEachEngine(({ serveWith, options: engine }) => {
  const FOREVER = 3_600_000;

  /** A handler that waits for ever, and says when it does. */
  function parked(inside: Gate): () => Operation<string> {
    return function* () {
      inside.open();
      yield* suspend();
      return "";
    };
  }

  /** 20 MB in pieces: more than a client's system takes at once. */
  const large = (): Reply =>
    stream(
      (async function* () {
        for (let i = 0; i < 320; i++) {
          yield Buffer.alloc(65_536, "x");
          if (i % 16 === 0) await setImmediate();
        }
      })(),
    );
  const LENGTH = 320 * 65_536;
  /** Of the body, without the sizes of its chunks. */
  const bytesOf = (client: RawClient): number =>
    client.received.split("x").length - 1;

  describe("close()", () => {
    it("does not wait for a client that was behind once it has got all, beside an idle one", async () => {
      const { loop, port } = await serveWith((it) =>
        it.get("/", () => "hello").get("/large", large),
      );
      const idle = await RawClient.connect(port);
      await idle.request("GET /").until(/hello/);
      const client = await RawClient.connect(port);
      client.request("GET /large");
      await client.until(/xxx/);
      client.socket.pause();
      for (let i = 0; i < 500; i++) await setImmediate(); // its system is full by then
      client.socket.resume();
      while (client.received.length < LENGTH) await setImmediate();
      const { durationMs } = await loop.close();
      expect(durationMs).to.be.below(2500); // of the 5 seconds that it has for a client that takes nothing
      expect(idle.closed || (await idle.untilClosed()) !== "").to.equal(true);
    });

    it("lets a client that is behind have the end of its reply", async () => {
      const { loop, port } = await serveWith((it) => it.mount(large));
      const client = await RawClient.connect(port);
      client.request("GET /");
      await client.until(/xxx/);
      client.socket.pause();
      const closed = loop.close();
      const reading = setInterval(() => {
        client.socket.resume();
        void setImmediate().then(() => client.socket.pause());
      }, 5);
      afterTest(() => clearInterval(reading));
      await closed;
      clearInterval(reading);
      client.socket.resume();
      await client.untilClosed();
      expect(bytesOf(client)).to.equal(LENGTH);
    });

    it("serves those that had connected before, however many wait to be accepted", async () => {
      const { loop, port } = await serveWith((loop) => loop.mount(() => "app"));
      const clients = new Worker(CLIENTS, { eval: true, workerData: port });
      const connected = new Int32Array(new SharedArrayBuffer(4));
      await once(clients, "online");
      clients.postMessage(connected);
      expect(Atomics.wait(connected, 0, 0, 20_000)).to.not.equal("timed-out"); // nothing is accepted meanwhile
      const [[replies]] = await Promise.all([
        once(clients, "message"),
        loop.close(),
      ]);
      expect(replies).to.deep.equal(Array(100).fill("HTTP/1.1 200 OK"));
    });
  });

  describe("Readiness", () => {
    it("begins when the loop listens, and ends when it closes", async () => {
      const server = new TestServer();
      server.loop.mount(() => "");
      expect(server.loop.ready).to.equal(false);
      await server.loop.listen({ ...engine, port: 0, host: "127.0.0.1" });
      expect(server.loop.ready).to.equal(true);
      const closing = server.loop.close();
      expect(server.loop.ready).to.equal(false);
      await closing;
      expect(server.loop.ready).to.equal(false);
    });

    it("shows at healthCheck, beside what is mounted", async () => {
      const server = await serveWith((loop) => loop.mount(() => "app"), {
        healthCheck: "/healthz",
      });
      const health = await fetch(`${server.url}/healthz`);
      expect(health.status).to.equal(200);
      expect(health.headers.get("cache-control")).to.equal("no-store");
      expect(await health.text()).to.equal("ready\n");
      const head = await fetch(`${server.url}/healthz`, { method: "HEAD" });
      expect(head.status).to.equal(200);
      expect(await (await fetch(`${server.url}/health`)).text()).to.equal(
        "app",
      );
    });

    it("fails readinessDelayMs before the port is closed; until then all is served as before", async () => {
      const server = await serveWith((loop) => loop.mount(() => "app"), {
        healthCheck: "/healthz",
        readinessDelayMs: FOREVER,
      });
      const closing = server.loop.close();
      const health = await fetch(`${server.url}/healthz`);
      expect(health.status).to.equal(503);
      expect(await health.text()).to.equal("closing\n");
      const client = await RawClient.connect(server.port);
      await client.request("GET /").until(/app$/);
      expect(client.received).not.to.match(/connection: close/i);
      await server.loop.stop();
      expect((await closing).tally).to.include({ accepted: 2, ok: 2 });
    });

    it("is over at once where nobody has listened", async () => {
      const server = new TestServer({ readinessDelayMs: FOREVER });
      await server.loop.close();
    });
  });

  describe("close()", () => {
    const body = "x".repeat(128 * 1024 - 1) + "!"; // no more is sent at once
    const long = `${"x".repeat(1_000_000)}!`;
    const replies: [title: string, reply: () => Reply, end: RegExp][] = [
      ["the whole of a reply", () => body, /![^!]*!$/],
      [
        "the end of a stream",
        () => stream([long]),
        /![^!]*!\r\n0(;end=": ")?\r\n\r\n$/,
      ],
    ];
    for (const [title, reply, end] of replies)
      it(`waits until a client has taken ${title}, however slow it is`, async () => {
        const inside = new Gate();
        const finish = new Gate();
        const server = new TestServer({ accessLog: true });
        server.loop
          .mount("/now", () => body)
          .mount("/later", async () => {
            inside.open();
            await finish.opened;
            return reply();
          });
        const unix = join(folderWith({}), "socket"); // of which the system takes less than both
        await server.loop.listen({ ...engine, unix });
        const client = await RawClient.connect(unix);
        client.socket.pause();
        client.request("GET /now");
        await server.logged(({ msg }) => msg === "request");
        client.request("GET /later");
        await inside.opened;
        const closing = server.loop.close();
        finish.open();
        for (let turns = 0; turns < 50; turns++) await setImmediate();
        client.socket.resume();
        await client.until(end);
        client.socket.end(); // as it was told
        expect((await closing).halted).to.deep.equal([]);
        expect(client.received).to.match(/connection: close/i);
      });
  });

  describe("stop()", () => {
    it("halts what runs at once", async () => {
      const inside = new Gate();
      const server = await serveWith((loop) =>
        loop.mount("/a", parked(inside)),
      );
      server.expectLog(/1 exchange had to be halted/);
      const reply = fetch(`${server.url}/a`);
      await inside.opened;
      const report = await server.loop.stop();
      expect((await reply).status).to.equal(503);
      expect(report.halted).to.have.lengthOf(1);
      expect(report.halted[0]).to.include({ method: "GET", path: "/a" });
      expect(report.tally).to.include({ accepted: 1, drain: 1 });
    });

    it("ends the waiting of a drain", async () => {
      const inside = new Gate();
      const server = await serveWith((loop) => loop.mount(parked(inside)), {
        drainTimeoutMs: FOREVER,
      });
      server.expectLog(/had to be halted/);
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await inside.opened;
      const closing = server.loop.close();
      expect(await server.loop.stop()).to.equal(await closing);
    });
  });

  it("How long close() may take follows from the options", () => {
    const loop = new Loop({
      log: false,
      readinessDelayMs: 1,
      drainTimeoutMs: 60_000,
      teardownTimeoutMs: 100,
    });
    expect(loop.closeLimits).to.deep.equal({
      requestsMs: 60_001,
      cleanupsMs: 400,
    });
  });

  describe("The tally", () => {
    it("adds up, and has an access line for each, whatever the ending", async () => {
      const [shedding, unshed] = [new Gate(), new Gate()];
      const held = new Gate();
      const gone = new Gate();
      const server = await serveWith(
        (loop) =>
          loop
            .get("/ok", () => "ok")
            .get("/async", async () => "ok")
            .get("/refused", () => {
              throw new HttpError(403, "no");
            })
            .get("/error", () => {
              throw new Error("broken");
            })
            .get("/cut", () =>
              stream(function* (out) {
                yield* out.write("begun");
                throw new Error("broken off");
              }),
            )
            .get("/abort", function* (request) {
              request.signal.onabort = () => gone.open();
              shedding.open();
              yield* suspend();
              return "";
            })
            .get(
              "/timeout",
              function* () {
                yield* suspend();
                return "";
              },
              { requestTimeoutMs: 1 },
            )
            .post("/body", (request) => request.text(), { maxBodyBytes: 2 })
            .get("/shed", async () => {
              await unshed.opened;
              return "";
            })
            .get("/drain", parked(held)),
        { accessLog: true, maxConcurrentRequests: 1, drainTimeoutMs: 0 },
      );
      server.expectLog(/failed/, /took too long/, /too many/, /be halted/);
      const get = (path: string): Promise<unknown> =>
        fetch(server.url + path)
          .then((response) => response.text())
          .catch(() => "cut");
      for (const path of ["ok", "async", "refused", "error", "cut", "timeout"])
        await get(`/${path}`);
      await get("/nothing-here");
      await fetch(`${server.url}/body`, { method: "POST", body: "too much" });
      const bad = await RawClient.connect(server.port);
      await bad.request("GET /ok#fragment").untilClosed();

      const leaving = await RawClient.connect(server.port);
      leaving.request("GET /abort");
      await shedding.opened;
      await get("/shed");
      leaving.abort();
      await gone.opened;

      const drained = await RawClient.connect(server.port);
      drained.request("GET /drain");
      await held.opened;
      const { tally } = await server.loop.close();

      const { accepted, ...outcomes } = tally;
      expect(outcomes).to.deep.equal({
        ok: 6,
        abort: 1,
        timeout: 1,
        error: 2,
        shed: 1,
        drain: 1,
      });
      expect(accepted).to.equal(12);
      expect(server.accessLines).to.have.lengthOf(12);
      for (const [outcome, count] of Object.entries(outcomes))
        expect(
          server.accessLines.filter((line) => line.outcome === outcome),
        ).to.have.lengthOf(count);
    });
  });
});
