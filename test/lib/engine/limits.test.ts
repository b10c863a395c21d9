import { expect } from "chai";
import { ensure, suspend, type Operation } from "effection";
import { stream, type GatewayRequest } from "../../../lib/index.ts";
import { wsgi } from "../../../adapters/wsgi.ts";
import { Gate } from "../../support/gate.ts";
import { RawClient } from "../../support/raw-client.ts";
import { type TestServer } from "../../support/server.ts";
import { onEachEngine } from "../../support/engines.ts";

onEachEngine(({ serveWith }) => {
  function* parked(): Operation<string> {
    yield* suspend();
    return "";
  }

  /** The outcomes of all exchanges so far, but for those that there was none of. */
  function outcomes(server: TestServer): Record<string, number> {
    const counted = Object.entries(server.loop.tally);
    return Object.fromEntries(counted.filter(([, count]) => count > 0));
  }

  describe("maxHeaderBytes", () => {
    it("refuses longer headers with 431, and ends the connection", async () => {
      const server = await serveWith((loop) => loop.mount(() => "ok"), {
        maxHeaderBytes: 100,
      });
      const client = await RawClient.connect(server.port);
      await client.request("GET /", ["X-A: short"]).until(/ok$/);
      client.request("GET /", [`X-A: ${"x".repeat(100)}`]);
      expect(await client.untilClosed()).to.match(
        /HTTP\/1.1 431 [^]*100 bytes/,
      );
    });

    it("is the engine's own by default", async () => {
      const server = await serveWith((loop) => loop.mount(() => "ok"));
      const client = await RawClient.connect(server.port);
      client.request("GET /", [`X-A: ${"x".repeat(16_000)}`]);
      await client.until(/ok$/);
      client.request("GET /", [`X-A: ${"x".repeat(17_000)}`]);
      expect(await client.untilClosed()).to.match(/HTTP\/1.1 431 /);
    });
  });

  describe("maxConcurrentRequests", () => {
    it("answers 503 to what is too much, starts nothing for it, and says so once", async () => {
      const [inside, done] = [new Gate(), new Gate()];
      let calls = 0;
      const server = await serveWith(
        (loop) =>
          loop.mount(async () => {
            if (++calls === 2) inside.open();
            await done.opened;
            return "done";
          }),
        { maxConcurrentRequests: 2, healthCheck: "/healthz" },
      );
      server.expectLog(/too many requests are running \(2 requests run\)/);
      const first = [fetch(server.url), fetch(server.url)];
      await inside.opened;

      for (let i = 0; i < 3; i++) {
        const refused = await fetch(server.url);
        expect(refused.status).to.equal(503);
        expect(refused.headers.get("retry-after")).to.equal("1");
        expect(await refused.text()).to.equal("something went wrong here\n");
      }
      expect(calls).to.equal(2);
      expect((await fetch(`${server.url}/healthz`)).status).to.equal(200);
      expect(server.log.filter(({ level }) => level === 40)).to.have.lengthOf(
        1,
      );

      done.open();
      for (const response of await Promise.all(first))
        expect(await response.text()).to.equal("done");
      expect((await fetch(server.url)).status).to.equal(200);
      expect(outcomes(server)).to.deep.equal({ accepted: 7, ok: 4, shed: 3 });
    });
  });

  describe("requestTimeoutMs", () => {
    const limit = { requestTimeoutMs: 20 };
    const late = /took too long/;

    it("halts an operation: 503, its cleanup runs, its children are gone", async () => {
      const cleaned = new Gate();
      let reason: unknown;
      const server = await serveWith(
        (loop) =>
          loop.mount(function* (request): Operation<string> {
            request.signal.onabort = () => (reason = request.signal.reason);
            yield* ensure(() => cleaned.open());
            yield* suspend();
            return "";
          }),
        limit,
      );
      server.expectLog(late);
      const response = await fetch(server.url);
      expect(response.status).to.equal(503);
      await cleaned.opened;
      expect(reason).to.have.property("code", "EDDY_REQUEST_TIMEOUT");
      expect(outcomes(server)).to.deep.equal({ accepted: 1, timeout: 1 });
      expect(server.loop.tasks().exchanges).to.deep.equal([]);
    });

    it("answers for an async handler, whose reply is dropped", async () => {
      const done = new Gate();
      const server = await serveWith(
        (loop) =>
          loop.mount(async () => {
            await done.opened;
            return "too late";
          }),
        limit,
      );
      server.expectLog(late);
      const response = await fetch(server.url);
      expect(response.status).to.equal(503);
      expect(await response.text()).to.equal("something went wrong here\n");
      done.open();
      expect((await server.loop.close()).tally).to.include({ timeout: 1 });
    });

    it("cuts the connection when the head is out", async () => {
      const server = await serveWith(
        (loop) =>
          loop.mount(() =>
            stream(function* (out) {
              yield* out.write("begun");
              yield* suspend();
            }),
          ),
        limit,
      );
      server.expectLog(late);
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").untilClosed();
      expect(received).to.match(/ 200 OK[^]*begun(\r\n)?$/);
      expect(outcomes(server)).to.deep.equal({ accepted: 1, timeout: 1 });
    });

    it("is the mount's own where it has one", async () => {
      const done = new Gate();
      const server = await serveWith(
        (loop) =>
          loop.mount("/slow", parked).mount(
            "/stream",
            async () => {
              await done.opened;
              return "in time";
            },
            { requestTimeoutMs: Infinity },
          ),
        limit,
      );
      server.expectLog(late);
      const patient = fetch(`${server.url}/stream`);
      expect((await fetch(`${server.url}/slow`)).status).to.equal(503);
      done.open();
      expect(await (await patient).text()).to.equal("in time");
    });

    it("is a deadline that the request tells, and the environ", async () => {
      const seen: (number | undefined)[] = [];
      const look = (request: GatewayRequest): string => {
        seen.push(request.deadline);
        return "";
      };
      const server = await serveWith((loop) =>
        loop
          .mount("/none", look)
          .mount("/plain", look, { requestTimeoutMs: 60_000 })
          .mount("/async", async (request) => look(request), {
            requestTimeoutMs: 60_000,
          })
          .mount(
            "/wsgi",
            wsgi((environ, startResponse) => {
              seen.push(environ["eddy.deadline"]);
              startResponse("200 OK", []);
              return [];
            }),
            { requestTimeoutMs: 60_000 },
          ),
      );
      const before = Date.now();
      for (const path of ["none", "plain", "async", "wsgi"])
        await fetch(`${server.url}/${path}`);
      const [none, ...others] = seen;
      expect(none).to.equal(undefined);
      for (const deadline of others)
        expect(deadline).to.be.within(before + 59_999, Date.now() + 60_001);
    });
  });

  describe("A caller's patience", () => {
    const seconds = (request: GatewayRequest): string =>
      request.deadline === undefined
        ? "none"
        : String(Math.round((request.deadline - Date.now()) / 1000));

    const TIMEOUTS: Record<string, string> = {
      "100S": "100",
      "2M": "120",
      "1H": "3600",
      "100000m": "100",
      "99999999u": "100",
      "9000S": "4000",
      "100": "4000",
      "123456789S": "4000",
      "-1S": "4000",
    };
    for (const [timeout, expected] of Object.entries(TIMEOUTS))
      it(`of ${timeout} is a deadline of ${expected} s where 4000 s are allowed`, async () => {
        const server = await serveWith((loop) => loop.mount(seconds), {
          trustProxy: ["loopback"],
          requestTimeoutMs: 4_000_000,
        });
        const headers = { "grpc-timeout": timeout };
        const response = await fetch(server.url, { headers });
        expect(await response.text()).to.equal(expected);
      });

    it("means nothing from a peer that is not trusted", async () => {
      const server = await serveWith((loop) => loop.mount(seconds));
      const headers = { "grpc-timeout": "1S" };
      const response = await fetch(server.url, { headers });
      expect(await response.text()).to.equal("none");
    });

    it("ends the exchange: its task and its signal", async () => {
      let reason: unknown;
      const server = await serveWith(
        (loop) =>
          loop.mount(function* (request): Operation<string> {
            request.signal.onabort = () => (reason = request.signal.reason);
            yield* suspend();
            return "";
          }),
        { trustProxy: ["loopback"] },
      );
      server.expectLog(/took too long/);
      const headers = { "grpc-timeout": "10m" };
      const response = await fetch(server.url, { headers });
      expect(response.status).to.equal(503);
      expect(reason).to.have.property("code", "EDDY_REQUEST_TIMEOUT");
      expect(outcomes(server)).to.deep.equal({ accepted: 1, timeout: 1 });
    });
  });

  describe("bodyTimeoutMs", () => {
    const head = ["Content-Length: 4"];

    it("answers 408 to a body that does not come, and ends the connection", async () => {
      const server = await serveWith((loop) => loop.mount((r) => r.text()), {
        bodyTimeoutMs: 20,
      });
      const client = await RawClient.connect(server.port);
      client.request("POST /", head, "ab");
      await client.until(/\r\nconnection: close\r\n[^]*allowed here\n/i);
      expect(await client.finish().untilClosed()).to.match(
        /^HTTP\/1.1 408 [^]*longer than the 20 ms allowed here\n$/,
      );
      expect(outcomes(server)).to.deep.equal({ accepted: 1, ok: 1 });
    });

    it("counts all the waiting of a request", async () => {
      const arrived = [new Gate(), new Gate()];
      const server = await serveWith(
        (loop) =>
          loop.mount(async (request) => {
            for await (const _ of request.body) arrived.shift()?.open();
            return "all of it";
          }),
        { bodyTimeoutMs: 30 },
      );
      const [first, second] = arrived;
      const client = await RawClient.connect(server.port);
      client.request("POST /", head, "a");
      await first!.opened;
      client.send("b");
      await second!.opened;
      await client.until(/HTTP\/1.1 408 /);
    });

    it("does not count the time in which nobody reads", async () => {
      const server = await serveWith((loop) =>
        loop.mount(
          "/",
          async (request) => {
            await new Promise((resolve) => setTimeout(resolve, 40)); // the subject is time
            return request.text();
          },
          { bodyTimeoutMs: 20 },
        ),
      );
      const response = await fetch(server.url, {
        method: "POST",
        body: "late",
      });
      expect(await response.text()).to.equal("late");
    });

    it("holds for WSGI-style applications, which are not called then", async () => {
      const server = await serveWith((loop) =>
        loop.mount(
          "/",
          wsgi(() => expect.fail("called")),
          { bodyTimeoutMs: 20 },
        ),
      );
      const client = await RawClient.connect(server.port);
      client.request("POST /", head, "ab");
      await client.until(/HTTP\/1.1 408 /);
    });
  });

  describe("idleTimeoutMs", () => {
    it("cuts a connection that is silent, and one in the middle of a head, but none that is busy", async function () {
      this.timeout(20_000); // uWebSockets.js looks every 4 s
      const server = await serveWith((loop) => loop.mount(() => "ok"), {
        idleTimeoutMs: 1000,
      });
      const connect = (): Promise<RawClient> => RawClient.connect(server.port);
      const serve = async (): Promise<RawClient> => {
        const client = await connect();
        await client.request("GET /").until(/ok$/);
        return client;
      };
      const busy = await serve();
      const asking = setInterval(() => busy.request("GET /"), 250);
      const served = await serve();
      const [silent, slow] = [await connect(), await connect()];
      slow.send("GET / HTTP/1.1\r\nHost");
      const headed = await serve();
      headed.request("HEAD /");
      await Promise.all([
        served.untilClosed(),
        headed.untilClosed(),
        silent.untilClosed(),
        slow.untilClosed(),
      ]);
      clearInterval(asking);
      expect(busy.closed).to.equal(false);
      const { accepted, ...others } = outcomes(server);
      expect(others).to.deep.equal({ ok: accepted });
      expect(accepted).to.be.greaterThan(4); // the busy one has had several
    });
  });
});
