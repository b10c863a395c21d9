/** What `loop.applications()` tells of processes, threads and servers behind applications. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { http } from "../../adapters/http.ts";
import { uwsgi } from "../../adapters/uwsgi.ts";
import type { ApplicationStatus } from "../../lib/index.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { Gate } from "../support/gate.ts";
import { needsPython, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { threaded } from "../support/threads.ts";

const LINUX = process.platform === "linux";

/** Of the only application that can tell. */
function statusOf({ loop }: TestServer): ApplicationStatus {
  const [status, ...others] = loop.applications();
  expect(others).to.deep.equal([]);
  return status!;
}

/** Its status when it is as it should be. */
async function until(
  server: TestServer,
  what: (status: ApplicationStatus) => boolean,
): Promise<ApplicationStatus> {
  for (;;) {
    const status = statusOf(server);
    if (what(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const inFlight = ({ parts }: ApplicationStatus): number =>
  parts.reduce((sum, part) => sum + part.inFlight, 0);

describe("The status of an application", function () {
  this.timeout(30_000); // processes and threads have to start, on a machine that may be busy

  for (const lazyApps of [true, false])
    it(`of Python has its processes, with lazyApps: ${lazyApps}`, async function () {
      needsPython(this);
      const desk = folderWith({});
      const options = { env: { DESK: desk }, lazyApps, processes: 2 };
      const app = pythonApp("operated:sleeps", options);
      expect(app.status()).to.equal(undefined);
      const server = await serveWith((loop) => loop.mount(app));
      const ask = async (path: string): Promise<string> =>
        await (await fetch(server.url + path)).text();
      const pid = await ask("/");
      const before = statusOf(server);
      expect(before).to.deep.include({
        kind: "python",
        name: "operated:sleeps",
        queued: 0,
        restarts: 0,
      });
      const states = before.parts.map(({ state }) => state);
      const ready = ["ready", "ready"];
      expect(states).to.deep.equal(lazyApps ? ready : ["forks", ...ready]);
      expect(before.parts.map(({ name }) => name)).to.include(pid);
      if (LINUX)
        for (const { rss } of before.parts) expect(rss).to.be.above(1e6);

      const asked = Array.from({ length: 4 }, () => ask("/wait"));
      const busy = await until(
        server,
        (status) => inFlight(status) === 2 && status.queued === 2,
      );
      expect(busy.restarts).to.equal(0);
      writeFileSync(join(desk, "go"), "");
      await Promise.all(asked);

      process.kill(Number(pid), "SIGKILL");
      const after = await until(
        server,
        ({ parts, restarts }) =>
          restarts === 1 &&
          parts.filter(({ state }) => state === "ready").length === 2,
      );
      expect(after.parts.map(({ name }) => name)).to.not.include(pid);
      await server.loop.close();
      expect(app.status()).to.equal(undefined);
    });

  it("in threads has its threads", async () => {
    const { opened, open } = new Gate();
    const options = { threads: 2, provide: { forever: () => opened } };
    const app = threaded("blocking", "byPath", options, { patienceMs: 1e9 });
    const server = await serveWith((loop) => loop.mount(app));
    const idle = statusOf(server);
    expect(idle).to.include({ kind: "threads", queued: 0, restarts: 0 });
    expect(idle.name).to.match(/apps\/blocking\.js:byPath$/);
    expect(idle.parts.map(({ state }) => state)).to.deep.equal([
      "ready",
      "ready",
    ]);
    for (const { name } of idle.parts) expect(name).to.match(/^\d+$/);

    const waiting = [1, 2, 3].map(() => fetch(`${server.url}/waits`));
    const busy = await until(server, ({ parts }) =>
      parts.every(({ state }) => state === "asleep"),
    );
    expect([inFlight(busy), busy.queued]).to.deep.equal([2, 1]);
    open();
    await Promise.all(waiting);

    server.expectLog(/process\.exit\(3\)/);
    await fetch(`${server.url}/exits`);
    await until(
      server,
      ({ restarts, parts }) => restarts === 1 && parts.length === 2,
    );
  });

  it("at servers behind the loop has who is left out, and why", async () => {
    let waitsFor: string | undefined;
    const back = createServer((_, response) => {
      waitsFor = server.loop.tasks().exchanges[0]!.waitsFor;
      response.end("back");
    }).listen(0, "127.0.0.1");
    await once(back, "listening");
    const up = `127.0.0.1:${(back.address() as AddressInfo).port}`;
    const out = `127.0.0.1:${await freePort()}`;
    const server = await serveWith((loop) =>
      loop.mount(http([`http://${out}`, `http://${up}`])),
    );
    server.expectLog(/is left out for 10000 ms: connect ECONNREFUSED/);
    expect(await (await fetch(server.url)).text()).to.equal("back");
    expect(waitsFor).to.equal(`upstream http://${up}`);
    const { kind, parts } = statusOf(server);
    expect(kind).to.equal("http");
    const [first, second] = parts;
    expect(first).to.include({
      state: "out",
      why: `connect ECONNREFUSED ${out}`,
    });
    expect(second).to.include({ state: "up", inFlight: 0, why: undefined });
    back.close();
  });

  it("at uWSGI has its servers, too", async () => {
    const server = await serveWith((loop) =>
      loop.mount(uwsgi("unix:/nowhere/socket")),
    );
    const { kind, parts } = statusOf(server);
    expect(kind).to.equal("uwsgi");
    expect(parts.map(({ state }) => state)).to.deep.equal(["up"]);
  });

  it("is not there for one that is a function", async () => {
    const server = await serveWith((loop) => loop.mount(() => "hello"));
    expect(server.loop.applications()).to.deep.equal([]);
  });
});
