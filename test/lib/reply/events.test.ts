import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { EventSource } from "eventsource";
import { formatEvent } from "../../../lib/reply/events.ts";
import {
  ClientAbortedError,
  events,
  UsageError,
  type EventWriter,
  type EventsOptions,
  type EventStreamWriter,
} from "../../../lib/index.ts";
import {
  run,
  sleep,
  suspend,
  withResolvers,
  type Operation,
} from "../../../lib/operations.ts";
import { onEachEngine } from "../../support/engines.ts";
import { afterTest } from "../../support/hooks.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { TestServer } from "../../support/server.ts";

const done = <T>(operation: Operation<T>) => run(() => operation);

describe("An event", () => {
  for (const [event, text] of [
    ["hello", "data: hello\n\n"],
    ["", "data: \n\n"],
    [{ data: "a\nb\r\nc\rd" }, "data: a\ndata: b\ndata: c\ndata: d\n\n"],
    [{ data: "\n" }, "data: \ndata: \n\n"],
    [{ data: { n: 1, text: "a\nb" } }, 'data: {"n":1,"text":"a\\nb"}\n\n'],
    [{ data: 0 }, "data: 0\n\n"],
    [{ data: null }, "data: null\n\n"],
    [
      { id: 7, event: "tick", retryMs: 100, data: "x" },
      "id: 7\nevent: tick\nretry: 100\ndata: x\n\n",
    ],
    [{ id: "" }, "id: \n\n"],
    [{ data: "event: x" }, "data: event: x\n\n"],
  ] as const)
    it(`${JSON.stringify(event)} is sent as ${JSON.stringify(text)}`, () => {
      expect(formatEvent(event)).to.equal(text);
    });

  for (const [event, why] of [
    [{ id: "1\n2" }, /the id of an event is text without line breaks/],
    [{ id: "1\r" }, /the id/],
    [{ id: "\0" }, /the id/],
    [{ event: "a\nid: 1" }, /the event of an event/],
    [{ event: "\0" }, /the event/],
    [{ event: 7 }, /the event/],
    [{ retryMs: "1\ndata: x" }, /retryMs of an event takes/],
    [{ retryMs: -1 }, /retryMs/],
    [{ n: 1 }, /not "n"; what it says is its data/],
    [{ data: 1n }, /no JSON form/],
    [{ data: () => 1 }, /function as data of an event has no JSON form/],
    [null, /an event is an object or text/],
  ] as const)
    it(`is refused: ${why.source}`, () => {
      expect(() => formatEvent(event as never)).to.throw(UsageError, why);
    });
});

describe("events()", () => {
  it("refuses options that are wrong, and what writes nothing", () => {
    const make = (options: object) => () => events(async () => {}, options);
    expect(make({ heartbeat: 1 })).to.throw(
      UsageError,
      /no option "heartbeat" of events\(\)/,
    );
    expect(make({ heartbeatMs: 0 })).to.throw(
      UsageError,
      /from 1 up, or Infinity/,
    );
    expect(make({ retryMs: 1.5 })).to.throw(UsageError);
    expect(make({ behind: "queue" })).to.throw(UsageError, /"wait" or "drop"/);
    expect(() => events("data" as never)).to.throw(
      UsageError,
      /an operation or an async function/,
    );
  });
});

onEachEngine((engine) => {
  const serve = (
    run: EventStreamWriter,
    options?: EventsOptions,
    loopOptions = {},
  ): Promise<TestServer> =>
    engine.serveWith((loop) => loop.get("/", () => events(run, options)), {
      accessLog: true,
      ...loopOptions,
    });

  /** The stream as it comes. */
  async function listen(server: TestServer): Promise<RawClient> {
    const client = await RawClient.connect(server.port);
    return client.request("GET /");
  }

  const outcome = (server: TestServer): Promise<unknown> =>
    server
      .logged(({ msg }) => msg === "request")
      .then((line) => line["outcome"]);

  function* silent(): Operation<void> {
    yield* suspend();
  }

  describe("events()", () => {
    it("sends the head at once, and says what is in it", async () => {
      const server = await serve(silent, {
        headers: { "X-More": "1", "Cache-Control": "no-cache" },
      });
      const { headers, body, status } = await fetch(server.url);
      expect(status).to.equal(200);
      expect(headers.get("content-type")).to.equal("text/event-stream");
      expect(headers.get("x-accel-buffering")).to.equal("no");
      expect([
        headers.get("cache-control"),
        headers.get("x-more"),
      ]).to.deep.equal(["no-cache", "1"]);
      await body!.cancel();
    });

    it("is understood by an EventSource: types, ids, and where it goes on", async () => {
      const asked: (string | undefined)[] = [];
      const server = await engine.serveWith((loop) =>
        loop.get("/", (request) => {
          asked.push(request.lastEventId);
          const from = Number(request.lastEventId ?? 0);
          return events(
            function* (out) {
              yield* out.send({
                id: from + 1,
                event: "tick",
                data: { line: "a\nb" },
              });
              yield* out.send({ id: from + 2, data: "two\r\nlines é" });
            },
            { retryMs: 1 },
          );
        }),
      );
      const source = new EventSource(server.url);
      afterTest(() => source.close());
      const ticks: string[] = [];
      const messages: string[] = [];
      source.addEventListener("tick", ({ data, lastEventId }) =>
        ticks.push(`${lastEventId} ${data}`),
      );
      while (messages.length < 3) {
        const [message] = (await once(source, "message")) as [MessageEvent];
        messages.push(`${message.lastEventId} ${message.data}`);
      }
      source.close();
      expect(messages).to.deep.equal(
        [2, 4, 6].map((id) => `${id} two\nlines é`),
      );
      expect(ticks).to.deep.equal(
        [1, 3, 5].map((id) => `${id} {"line":"a\\nb"}`),
      );
      expect(asked.slice(0, 3)).to.deep.equal([undefined, "2", "4"]);
    });

    it("takes async functions, whose `send` fails when the client has left", async () => {
      const left = withResolvers<unknown>();
      const server = await serve(async (out) => {
        try {
          for (;;) {
            await out.send("again");
            await setTimeout(1);
          }
        } catch (error) {
          left.resolve(error);
          throw error;
        }
      });
      const client = await listen(server);
      await client.until(/(data: again\n\n[^]*){3}/);
      client.abort();
      expect(await done(left.operation)).to.be.instanceOf(ClientAbortedError);
      expect(await outcome(server)).to.equal("abort");
    });

    it("halts an operation when the client leaves", async () => {
      const ended = withResolvers<void>();
      const server = await serve(function* (out) {
        try {
          yield* out.send("one");
          yield* suspend();
        } finally {
          ended.resolve();
        }
      });
      const client = await listen(server);
      await client.until(/data: one/);
      client.abort();
      await done(ended.operation);
      expect(server.loop.tasks().exchanges).to.deep.equal([]);
    });

    it("sends a heartbeat when nothing else is sent, and not otherwise", async () => {
      const idle = await serve(silent, { heartbeatMs: 5 });
      await (await listen(idle)).until(/(\r\n:\n\n[^]*){4}/);
      const busy = await serve(
        function* (out) {
          for (let n = 0; n < 40; n++) {
            yield* out.send("x");
            yield* sleep(2);
          }
        },
        { heartbeatMs: 200 },
      );
      const text = await (await fetch(busy.url)).text();
      expect(text).to.equal(`:\n\n${"data: x\n\n".repeat(40)}`);
      const none = await serve(async () => await setTimeout(20), {
        heartbeatMs: Infinity,
        retryMs: 9,
      });
      expect(await (await fetch(none.url)).text()).to.equal("retry: 9\n\n");
    });

    const LONG = "x".repeat(100_000);

    it("makes `send` wait for a slow client, and loses nothing", async () => {
      let sent = 0;
      const server = await serve(function* (out) {
        for (; sent < 150; sent++) yield* out.send(LONG);
      });
      const client = await listen(server);
      client.socket.pause();
      let before = -1;
      while (sent !== before || sent === 0) {
        before = sent;
        await setTimeout(50);
      }
      expect(sent).to.be.below(150);
      client.socket.resume();
      while (!client.received.endsWith("\r\n0\r\n\r\n")) await setTimeout(5);
      expect(client.received.split("data: ")).to.have.length(151);
    });

    it("drops for a slow client what is of no use later, and counts it", async () => {
      let writer: EventWriter | undefined;
      const server = await serve(
        function* (out) {
          writer = out;
          while (out.dropped < 50) {
            yield* out.send(LONG);
            yield* sleep(0);
          }
          yield* suspend();
        },
        { behind: "drop" },
      );
      const client = await listen(server);
      client.socket.pause();
      while ((writer?.dropped ?? 0) < 50) await setTimeout(5);
      client.socket.resume();
      while (!client.received.includes("event: last\n\n")) {
        await writer!.send({ event: "last" });
        await setTimeout(5);
      }
      expect(writer!.dropped).to.be.at.least(50);
    });

    it("ends with its writer, or is cut when that fails", async () => {
      const server = await engine.serveWith((loop) =>
        loop
          .get("/ends", () => events(async (out) => await out.send("last")))
          .get("/fails", () =>
            events(function* (out) {
              yield* out.send("last");
              throw new Error("of the application");
            }),
          ),
      );
      expect(await (await fetch(`${server.url}/ends`)).text()).to.equal(
        ":\n\ndata: last\n\n",
      );
      server.expectLog(/failed of the application/);
      const client = await RawClient.connect(server.port);
      client.request("GET /fails");
      expect(await client.untilClosed()).not.to.match(/\r\n0\r\n\r\n$/);
    });

    it("ends well when the loop drains, which waits for none of them", async () => {
      const cleaned: string[] = [];
      const failed = withResolvers<unknown>();
      const server = await engine.serveWith(
        (loop) =>
          loop
            .get("/operation", () =>
              events(function* (out) {
                try {
                  yield* out.send("one");
                  yield* suspend();
                } finally {
                  cleaned.push("operation");
                }
              }),
            )
            .get("/async", () =>
              events(async (out) => {
                await out.send("one");
                await setTimeout(30);
                await out.send("two").then(undefined, failed.resolve);
              }),
            ),
        { accessLog: true },
      );
      const clients = await Promise.all(
        ["operation", "async"].map(async (path) => {
          const client = await RawClient.connect(server.port);
          await client.request(`GET /${path}`).until(/data: one/);
          return client;
        }),
      );
      const report = await server.loop.close();
      expect(report.halted).to.deep.equal([]);
      expect(report.durationMs).to.be.below(5000);
      for (const client of clients)
        expect(await client.untilClosed()).to.match(
          /data: one\n\n\r\n0\r\n\r\n$/,
        );
      expect(server.accessLines.map((line) => line["outcome"])).to.deep.equal([
        "ok",
        "ok",
      ]);
      expect(cleaned).to.deep.equal(["operation"]);
      expect(await done(failed.operation)).to.be.instanceOf(ClientAbortedError);
    });
  });

  describe("request.draining", () => {
    it("fires when the loop begins to drain, and at once from then on", async () => {
      const seen: string[] = [];
      const entered = withResolvers<void>();
      const server = await engine.serveWith((loop) =>
        loop
          .get("/long", async ({ draining }) => {
            seen.push(`before: ${draining.aborted}`);
            entered.resolve();
            await once(draining, "abort");
            seen.push(
              `after: ${draining.aborted} ${(draining.reason as Error).name}`,
            );
            return "enough";
          })
          .get("/late", ({ draining }) => String(draining.aborted)),
      );
      const client = await RawClient.connect(server.port);
      const idle = await RawClient.connect(server.port);
      await idle.request("GET /late").until(/\r\n\r\nfalse/);
      client.request("GET /long");
      await done(entered.operation);
      const closed = server.loop.close({ lingerMs: 2000 });
      expect(await client.untilClosed()).to.match(/enough\s*$/);
      idle.request("GET /late");
      expect(await idle.untilClosed()).to.match(/\r\n\r\ntrue\s*$/);
      expect((await closed).halted).to.deep.equal([]);
      expect(seen).to.deep.equal(["before: false", "after: true DrainedError"]);
    });

    it("does not fire for an exchange that has ended", async () => {
      let signal: AbortSignal | undefined;
      const server = await engine.serveWith((loop) =>
        loop.get("/", ({ draining }) => {
          signal = draining;
          return "done";
        }),
      );
      await (await fetch(server.url)).text();
      await server.loop.close();
      expect(signal!.aborted).to.equal(false);
    });
  });
});
