import { expect } from "chai";
import { serveWith } from "../support/server.ts";

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

describe("A handler that keeps the loop to itself", () => {
  it("is named by mount, method and path, with the time and what to do", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount("/slow", () => {
          block(30);
          return "done";
        }),
      { stallWarnMs: 10 },
    );
    server.expectLog(/kept the loop/);
    await fetch(`${server.url}/slow/report`);
    const line = await server.logged(({ mount }) => mount !== undefined);
    expect(line).to.include({
      mount: "/slow",
      method: "GET",
      path: "/slow/report",
    });
    expect(line.durationMs).to.be.within(30, 5000);
    expect(line.msg).to.match(
      /^GET \/slow\/report, mounted at \/slow, kept the loop for \d+ ms \(stallWarnMs: 10\)/,
    );
    expect(line.msg).to.match(/belongs into threads: wsgi\(\{ module \}\)/);
  });

  it("is named also when it throws", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount(() => {
          block(30);
          throw new Error("on purpose");
        }),
      { stallWarnMs: 10 },
    );
    server.expectLog(/kept the loop/, /on purpose/);
    await fetch(server.url);
    await server.logged(({ mount }) => mount === "/");
  });

  it("behind an await is among those that run", async () => {
    const server = await serveWith(
      (loop) =>
        loop.mount(async (request) => {
          await request.text();
          await new Promise((resolve) => setImmediate(resolve));
          block(100);
          await new Promise((resolve) => setTimeout(resolve, 50));
          return "done";
        }),
      { stallWarnMs: 20 },
    );
    server.expectLog(/kept the loop/);
    await fetch(`${server.url}/late`, { method: "POST", body: "x" });
    const line = await server.logged(({ running }) => running !== undefined);
    expect(line.running).to.deep.equal(["POST /late"]);
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
    const lines = server.log.filter(({ mount }) => mount !== undefined);
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
