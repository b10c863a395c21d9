/** Topics between loops, through real brokers: loops of one process are as strange to each other as those of two. */
import { setTimeout as pass } from "node:timers/promises";
import { expect } from "chai";
import { suspend } from "effection";
import { BrokerError, Loop, upgrade, UsageError } from "../../lib/index.ts";
import { loadClient } from "../../lib/brokers/options.ts";
import { BROKERS, BrokerServer } from "../support/brokers.ts";
import { describeIf } from "../support/programs.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/web-socket.ts";
import { rejection } from "../support/rejection.ts";

const GONE = /there is no connection to/;
const BACK = /is there again/;

/** Each socket subscribes to the topic in its path, and publishes what its client says, but not to itself. */
function topics(loop: Loop): void {
  loop.websocket("/*", ({ path }) =>
    upgrade(function* (socket) {
      const topic = decodeURIComponent(path.slice(1));
      socket.subscribe(topic);
      yield* socket.send("ready");
      for (let message; (message = yield* socket.receive()) !== undefined;)
        loop.publish(topic, message, { except: socket });
    }),
  );
}

async function subscriber(
  { port }: TestServer,
  topic: string,
): Promise<SocketClient> {
  const client = await SocketClient.open(port, `/${encodeURIComponent(topic)}`);
  await client.messages(1);
  client.received.length = 0;
  return client;
}

for (const kind of BROKERS)
  describeIf(kind.missing, `Topics by ${kind.name}()`, () => {
    /** With two loops at it. */
    async function start(options?: { maxOutboxBytes: number }) {
      const server = await BrokerServer.start(kind);
      const loops = [
        await serveWith(topics, { topics: server.broker(options) }),
        await serveWith(topics, { topics: server.broker(options) }),
      ] as const;
      return { server, loops };
    }

    it("reach the sockets of other loops: text as text, bytes as bytes, and nobody twice", async () => {
      const { server, loops } = await start();
      const [a, b] = loops;
      const here = await subscriber(a, "news");
      const beside = await subscriber(a, "news");
      const there = await subscriber(b, "news");
      const elsewhere = await subscriber(b, "other");
      await server.hasSubscribers("news", 2);
      here.send("für dich");
      here.send(Buffer.from([0, 255]));
      here.send("");
      await there.messages(3);
      await a.loop.publish("news", "to all");
      const all = ["für dich", Buffer.from([0, 255]), "", "to all"];
      expect(await there.messages(4)).to.deep.equal(all);
      expect(await beside.messages(4)).to.deep.equal(all);
      expect(await here.messages(1)).to.deep.equal(["to all"]);
      await b.loop.publish("news", "back");
      for (const client of [here, beside, there])
        expect(
          (await client.messages(client === here ? 2 : 5)).at(-1),
        ).to.equal("back");
      expect(elsewhere.received).to.deep.equal([]);
    });

    it("are subscribed to once, from the first socket on until the last one has left", async () => {
      const { server, loops } = await start();
      const first = await subscriber(loops[0], "news");
      const second = await subscriber(loops[0], "news");
      await server.hasSubscribers("news", 1);
      first.ws.terminate();
      await first.closed;
      await loops[0].loop.publish("news", "still there");
      await second.messages(1);
      expect(await server.subscribers("news")).to.equal(1);
      second.ws.terminate();
      await server.hasSubscribers("news", 0);
    });

    it("may have any name", async () => {
      const { loops } = await start();
      const [a, b] = loops;
      const wrong = await subscriber(b, "a");
      for (const topic of [
        "",
        "a b",
        "a.b",
        ".a..b.",
        "*",
        ">",
        "%20",
        "é:1",
      ]) {
        const there = await subscriber(b, topic);
        do {
          await a.loop.publish(topic, "here"); // until the broker has the subscription
          await new Promise((resolve) => setImmediate(resolve));
        } while (there.received.length === 0);
        expect(there.received[0], topic).to.equal("here");
      }
      expect(wrong.received).to.deep.equal([]);
    });

    it("arrive in the order in which they were published", async () => {
      const { server, loops } = await start();
      const there = await subscriber(loops[1], "numbers");
      await server.hasSubscribers("numbers", 1);
      const numbers = Array.from({ length: 20_000 }, (_, i) => String(i));
      for (const [i, number] of numbers.entries()) {
        const published = loops[0].loop.publish("numbers", number);
        if (i % 100 === 0) await published;
      }
      expect(await there.messages(numbers.length)).to.deep.equal(numbers);
    });

    it("stay in the process while the broker is away, which publish() and one line say, and come back with it", async () => {
      const { server, loops } = await start();
      const [a, b] = loops;
      for (const loop of loops) loop.expectLog(GONE);
      const here = await subscriber(a, "news");
      const there = await subscriber(b, "news");
      await server.hasSubscribers("news", 2);
      await server.kill();
      await a.logged(({ msg }) => GONE.test(msg!));
      await b.logged(({ msg }) => GONE.test(msg!));
      const error = await rejection(a.loop.publish("news", "for us alone"));
      expect(error).to.be.instanceOf(BrokerError);
      expect(error.message).to.match(
        /^\w+ at 127\.0\.0\.1:\d+ is not connected: only the sockets/,
      );
      expect(a.loop.socketCounts.lost).to.equal(1);
      expect(await here.messages(1)).to.deep.equal(["for us alone"]);
      await server.start();
      for (const loop of loops)
        await loop.logged(({ msg }) => /is there again/.test(msg!));
      await server.hasSubscribers("news", 2);
      await a.loop.publish("news", "for all");
      expect(await there.messages(1)).to.deep.equal(["for all"]);
      expect(await here.messages(2)).to.deep.equal(["for us alone", "for all"]);
      expect(a.log.filter(({ msg }) => GONE.test(msg!))).to.have.lengthOf(1);
    });

    it("wait for a broker that is away at the start", async () => {
      const { server, loops } = await start();
      await server.kill();
      const late = await serveWith(topics, { topics: server.broker() });
      for (const loop of [...loops, late]) loop.expectLog(GONE);
      await late.logged(({ msg }) => GONE.test(msg!));
      const there = await subscriber(late, "news");
      await server.start();
      await server.hasSubscribers("news", 1);
      await loops[0].logged(({ msg }) => /is there again/.test(msg!));
      await loops[0].loop.publish("news", "hello");
      expect(await there.messages(1)).to.deep.equal(["hello"]);
    });

    it("are refused beyond maxOutboxBytes when the broker is stuck, and counted", async () => {
      const { server, loops } = await start({ maxOutboxBytes: 1024 ** 2 });
      const [a] = loops;
      a.expectLog(/messages have not got to other processes: .* is behind/);
      await a.loop.publish("news", "connected");
      await server.hold();
      const message = "x".repeat(100_000);
      const published = Array.from({ length: 15 }, () =>
        Promise.resolve(a.loop.publish("news", message)),
      );
      const refused = published.slice(10);
      for (const one of refused)
        expect((await rejection(one)).message).to.include("is behind");
      expect(a.loop.socketCounts.lost).to.equal(5);
      server.goOn();
      await Promise.all(published.slice(0, 10));
      await a.loop.publish("news", "goes on");
    });

    it("fail with what was on its way when the broker is killed", async () => {
      const { server, loops } = await start();
      for (const loop of loops) loop.expectLog(GONE, /have not got to/);
      await loops[0].loop.publish("news", "connected");
      await server.hold();
      const published = rejection(loops[0].loop.publish("news", "on its way"));
      await new Promise((resolve) => setImmediate(resolve));
      await server.kill();
      expect(await published).to.be.instanceOf(BrokerError);
      expect(loops[0].loop.socketCounts.lost).to.equal(1);
    });

    it("keep their order, and come no message twice, when the broker is killed and started again under load", async () => {
      const { server, loops } = await start();
      const [a, b] = loops;
      for (const loop of loops) loop.expectLog(GONE, /have not got to/);
      const here = await subscriber(a, "numbers");
      const there = await subscriber(b, "numbers");
      await server.hasSubscribers("numbers", 2);
      let count = 0;
      let lost = 0;
      const publish = (): void => {
        for (let i = 0; i < 20; i++)
          a.loop
            .publish("numbers", String(count++))
            .then(undefined, () => lost++);
      };
      const timer = setInterval(publish, 1);
      for (let kills = 1; kills <= 3; kills++) {
        const before = there.received.length;
        await there.messages(before + 1000);
        await server.kill();
        await server.start();
        for (const loop of loops)
          while (loop.log.filter(({ msg }) => BACK.test(msg!)).length < kills)
            await pass(10);
        await server.hasSubscribers("numbers", 2);
      }
      clearInterval(timer);
      const first = count;
      for (let i = 0; i < 1000; i++) publish();
      await a.loop.publish("numbers", "end");
      while (there.received.at(-1) !== "end")
        await there.messages(there.received.length + 1);
      await here.messages(count + 1);
      expect(here.received).to.deep.equal([
        ...Array.from({ length: count }, (_, i) => String(i)),
        "end",
      ]);
      const numbers = there.received.slice(0, -1).map(Number);
      expect(
        numbers.every((one, i) => i === 0 || one > numbers[i - 1]!),
      ).to.equal(true);
      expect(numbers.filter((one) => one >= first)).to.have.lengthOf(20_000);
      expect(lost).to.be.greaterThan(0);
      expect(a.loop.socketCounts.lost).to.equal(lost);
    });

    it("go out before the loop has closed", async () => {
      const { server, loops } = await start();
      const there = await subscriber(loops[1], "news");
      await server.hasSubscribers("news", 1);
      loops[0].loop.run(function* () {
        try {
          for (;;) yield* suspend();
        } finally {
          loops[0].loop.publish("news", "last words");
        }
      });
      await loops[0].loop.close();
      expect(await there.messages(1)).to.deep.equal(["last words"]);
    });

    it("ask for a URL, without showing what is none", () => {
      for (const url of ["http://me:secret@shop", "secret", ""])
        expect(() => kind.broker(url))
          .to.throw(UsageError)
          .with.property("message")
          .that.matches(new RegExp(`takes a URL such as "${kind.name}://`))
          .and.not.include("secret");
      expect(() =>
        kind.broker(`${kind.name}://localhost`, { prefix: "a b" }),
      ).to.throw(UsageError, /option "prefix" of/);
      expect(kind.broker(`${kind.name}://me:secret@shop`).name).to.match(
        /^\w+ at shop:\d+$/,
      );
    });
  });

describe("The client of a broker", () => {
  it("is named when it is not installed", async () => {
    const missing = "eddy-no-such-client";
    const error = await rejection(
      loadClient(missing, () => import(missing), "nats()"),
    );
    expect(error).to.be.instanceOf(UsageError);
    expect(error.message).to.equal(
      `nats() needs the package ${missing}: npm install ${missing}`,
    );
  });
});

describe("The option topics", () => {
  it("takes a broker", () => {
    expect(() => new Loop({ topics: "nats://x" as never })).to.throw(
      UsageError,
      'option "topics" takes a broker, such as nats(url)',
    );
  });

  it("says what keeps a broker from being opened, and leaves the loop as it was", async () => {
    const loop = new Loop({
      log: false,
      topics: {
        name: "none",
        open: async () => await Promise.reject(new UsageError("install it")),
      },
    });
    expect((await rejection(loop.listen(0))).message).to.equal("install it");
    expect((await rejection(loop.publish("a", "b"))).message).to.include(
      "none is not open",
    );
    await loop.close();
  });
});
