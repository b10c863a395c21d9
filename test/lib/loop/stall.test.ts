import { expect } from "chai";
import type { Shared } from "../../../lib/exchange/shared.ts";
import type { GatewayRequest } from "../../../lib/request/request.ts";
import type { Logger } from "../../../lib/common/log.ts";
import { StallWatch } from "../../../lib/loop/stall.ts";
import { Gate } from "../../support/gate.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

type Line = Partial<Record<string, unknown>>;

function requestFor(path: string): GatewayRequest {
  return { method: "GET", mountPath: "", path } as GatewayRequest;
}

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

describe("A handler that keeps the loop to itself", () => {
  it("is named by mount, method and path, with the time and what to do", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount("/slow", () => {
          block(400);
          return "done";
        }),
      { stallWarnMs: 200 },
    );
    server.expectLog(/kept the loop/);
    const client = await RawClient.connect(server.port);
    client.request("GET /slow/report");
    const line = await server.logged(({ mount }) => mount !== undefined);
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
    await server.logged(({ mount }) => mount === "/");
  });

  it("is named also for what it does behind an await", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount(async (request) => {
          await request.text();
          await new Promise((resolve) => setTimeout(resolve, 60)); // no call is in the window of the beat
          block(100);
          return "done";
        }),
      { stallWarnMs: 20 },
    );
    server.expectLog(/kept the loop/);
    await fetch(`${server.url}/late`, { method: "POST", body: "x" });
    const line = await server.logged(({ suspects }) => suspects !== undefined);
    expect(line.suspects).to.deep.equal([]);
    expect(line.msg).to.match(
      /^something that goes on behind a handler's call.* kept the loop/,
    );
  });

  it("is among those that run or came last, and exactly known the next time", async () => {
    const lines: Line[] = [];
    let told = new Gate();
    const log = {
      warn(fields: object, msg: string): void {
        lines.push({ ...fields, msg });
        told.open();
      },
    };
    const running = { request: requestFor("/running") };
    const watch = new StallWatch(log as unknown as Logger, 50);
    const tally = { accepted: 0 };
    const requests = { tally, latest: undefined, running: () => [running] };
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
    await told.opened;
    expect(lines[0]!.suspects).to.deep.equal(["GET /last", "GET /running"]);
    told = new Gate();
    await new Promise((resolve) => setTimeout(resolve, 1000)); // one line a second
    callAll();
    await told.opened;
    expect(lines[1]).to.include({ mount: "/", method: "GET", path: "/slow" });
    expect(lines[1]!.durationMs).to.be.within(200, 5000);
    watch.stop();
  });

  it("is warned of with the stack that another thread has seen, unless it was another time", async () => {
    const lines: Line[] = [];
    let told = new Gate();
    const log = {
      warn(fields: object): void {
        lines.push({ ...fields });
        told.open();
      },
    };
    const watch = new StallWatch(log as unknown as Logger, 50);
    watch.start({
      tally: { accepted: 0 },
      running: () => [],
    } as unknown as Shared);
    watch.witness(["at slow (app.js:1:1)"]);
    block(200);
    await told.opened;
    told = new Gate();
    await new Promise((resolve) => setTimeout(resolve, 1000)); // one line a second
    block(200);
    await told.opened;
    expect(lines.map(({ stack }) => stack)).to.deep.equal([
      ["at slow (app.js:1:1)"],
      undefined,
    ]);
    watch.stop();
  });

  it("tells once, and not for each of many requests", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount(() => {
          block(15);
          return "done";
        }),
      { stallWarnMs: 10 },
    );
    server.expectLog(/kept the loop/);
    for (let i = 0; i < 5; i++) await fetch(server.url);
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
          block(600);
          return "done";
        }),
      { stallWarnMs: Infinity },
    );
    await fetch(url);
  });
});
