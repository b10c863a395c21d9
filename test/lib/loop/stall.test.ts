import { mock } from "node:test";
import { expect } from "chai";
import type { Shared } from "../../../lib/exchange/shared.ts";
import { SpillBudget } from "../../../lib/request/spill.ts";
import type { GatewayRequest } from "../../../lib/request/request.ts";
import type { Logger } from "../../../lib/common/log.ts";
import { StallWatch } from "../../../lib/loop/stall.ts";
import { afterTest } from "../../support/hooks.ts";
import { serveWith, type LogLine } from "../../support/server.ts";

type Line = Partial<Record<string, unknown>>;

function requestFor(path: string): GatewayRequest {
  return { method: "GET", mountPath: "", path } as GatewayRequest;
}

function reallyBlock(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

describe("A handler that keeps the loop to itself", () => {
  /** The time of the watch: it passes when it is told to, because a busy machine keeps the loop as well. */
  const start = performance.now();
  let nowMs = start;
  function useClock(): void {
    nowMs = start;
    performance.now = () => nowMs;
    mock.timers.enable({ apis: ["setInterval"] });
    afterTest(() => {
      delete (performance as Partial<Performance>).now; // that of its prototype is there again
      mock.timers.reset();
    });
  }
  /** Nothing else runs meanwhile. */
  const block = (ms: number): void => void (nowMs += ms);
  /** The watch has its turn. */
  function beat(limitMs: number): void {
    const periodMs = limitMs / 4;
    nowMs += periodMs;
    mock.timers.tick(periodMs);
  }

  it("is named by mount, method and path, with the time and what to do", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount("/slow", () => {
          reallyBlock(400);
          return "done";
        }),
      { stallWarnMs: 200 },
    );
    server.expectLog(/kept the loop/);
    let line: LogLine | undefined;
    while (line === undefined) {
      // not only once: of what else keeps a busy machine's loop there is a line as well, and only one a second
      await fetch(`${server.url}/slow/report`);
      line = server.log.find(({ mount }) => mount !== undefined);
    }
    expect(line).to.include({
      mount: "/slow",
      method: "GET",
      path: "/slow/report",
    });
    expect(line.durationMs).to.be.within(200, 5000);
    expect(line.msg).to.match(
      /^GET \/slow\/report, mounted at \/slow, kept the loop for \d+ ms or more \(stallWarnMs: 200\)/,
    );
    expect(line.msg).to.match(/belongs into threads: wsgi\(\{ module \}\)/);
  });

  it("is named also when it throws", async () => {
    useClock();
    const server = await serveWith(
      (loop) =>
        loop.mount(() => {
          block(400);
          throw new Error("on purpose");
        }),
      { stallWarnMs: 200 },
    );
    server.expectLog(/kept the loop/, /on purpose/);
    await fetch(server.url);
    beat(200);
    await server.logged(({ mount }) => mount === "/");
  });

  it("is named also for what it does behind an await", async () => {
    useClock();
    const server = await serveWith(
      (loop) =>
        loop.mount(async (request) => {
          await request.text();
          beat(20); // the call was before it
          block(100);
          return "done";
        }),
      { stallWarnMs: 20 },
    );
    server.expectLog(/kept the loop/);
    await fetch(`${server.url}/late`, { method: "POST", body: "x" });
    beat(20);
    const line = await server.logged(({ suspects }) => suspects !== undefined);
    expect(line.suspects).to.deep.equal([]);
    expect(line.msg).to.match(
      /^something that goes on behind a handler's call.* kept the loop/,
    );
  });

  it("is among those that run or came last, and exactly known the next time", () => {
    useClock();
    const lines: Line[] = [];
    const log = {
      warn: (fields: object, msg: string) =>
        void lines.push({ ...fields, msg }),
    };
    const running = { request: requestFor("/running") };
    const watch = new StallWatch(log as unknown as Logger, 50);
    const tally = { accepted: 0 };
    const requests = {
      tally,
      latest: undefined,
      running: () => [running],
      spills: new SpillBudget(),
    };
    const called = (path: string, handle: () => string): void => {
      const request = requestFor(path);
      tally.accepted++;
      Object.assign(requests, { latest: { request } });
      void watch.watch(handle)(request);
    };
    const callAll = (): void => {
      called("/quick", () => "quick");
      called("/slow", () => (block(200), "slow"));
      called("/last", () => "quick");
    };
    watch.start(requests as unknown as Shared);
    callAll();
    beat(50);
    expect(lines[0]!.suspects).to.deep.equal(["GET /last", "GET /running"]);
    block(1000); // one line a second
    callAll();
    expect(lines[1]).to.include({ mount: "/", method: "GET", path: "/slow" });
    expect(lines[1]!.durationMs).to.be.within(200, 5000);
    watch.stop();
  });

  it("is warned of with the stack that another thread has seen, unless it was another time", () => {
    useClock();
    const lines: Line[] = [];
    const log = { warn: (fields: object) => void lines.push({ ...fields }) };
    const watch = new StallWatch(log as unknown as Logger, 50);
    watch.start({
      tally: { accepted: 0 },
      running: () => [],
      spills: new SpillBudget(),
    } as unknown as Shared);
    watch.witness(["at slow (app.js:1:1)"]);
    block(200);
    beat(50);
    block(1000); // one line a second
    beat(50);
    expect(lines.map(({ stack }) => stack)).to.deep.equal([
      ["at slow (app.js:1:1)"],
      undefined,
    ]);
    watch.stop();
  });

  it("is not blamed for uploads that the loop keeps for it", () => {
    useClock();
    const lines: Line[] = [];
    const log = {
      warn: (fields: object, msg: string) =>
        void lines.push({ ...fields, msg }),
    };
    const watch = new StallWatch(log as unknown as Logger, 50);
    const spills = new SpillBudget();
    watch.start({
      tally: { accepted: 0 },
      latest: undefined,
      running: () => [{ request: requestFor("/upload") }],
      spills,
    } as unknown as Shared);
    spills.note();
    for (let i = 0; i < 20; i++) {
      block(10);
      spills.note();
    }
    beat(50);
    expect(lines[0]!.msg).to.match(
      /^uploads that come faster .* kept the loop/,
    );
    block(1000); // one line a second
    beat(50);
    expect(lines[1]!.suspects).to.deep.equal(["GET /upload"]);
    watch.stop();
  });

  it("tells once, and not for each of many requests", async () => {
    useClock();
    const server = await serveWith(
      (loop) =>
        loop.mount(() => {
          block(15);
          return "done";
        }),
      { stallWarnMs: 10 },
    );
    server.expectLog(/kept the loop/);
    for (let i = 0; i < 5; i++) {
      await fetch(server.url);
      beat(10);
    }
    const lines = server.log.filter(({ msg }) =>
      msg?.includes("kept the loop"),
    );
    expect(lines).to.have.length(1);
  });

  it("is left alone when it is quick enough", async () => {
    const { url } = await serveWith((loop) => loop.mount(() => "done"));
    await fetch(url);
  });

  it("is left alone for Infinity", async () => {
    const { url } = await serveWith(
      (loop) =>
        loop.mount(() => {
          reallyBlock(600);
          return "done";
        }),
      { stallWarnMs: Infinity },
    );
    await fetch(url);
  });
});
