import { expect } from "chai";
import { RawClient } from "../support/raw-client.ts";
import { serveWith } from "../support/server.ts";

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

  it("is one of those that were called last, and exactly known the next time", async () => {
    const server = await serveWith(
      (loop) =>
        loop
          .get("/quick", () => "quick")
          .get("/slow", () => {
            block(60);
            return "slow";
          }),
      { stallWarnMs: 10 },
    );
    server.expectLog(/kept the loop/);
    const client = await RawClient.connect(server.port);
    client.request("GET /quick").request("GET /slow").request("GET /quick");
    const first = await server.logged(({ suspects }) => suspects !== undefined);
    expect(first.suspects).to.have.members(["GET /quick", "GET /slow"]);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // one line a second
    client.request("GET /quick").request("GET /slow").request("GET /quick");
    const second = await server.logged(({ mount }) => mount !== undefined);
    expect(second.path).to.equal("/slow");
    expect(second.durationMs).to.be.within(60, 5000);
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
