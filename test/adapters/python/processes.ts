/** How the processes of a Python application end and are replaced. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { run } from "effection";
import type { PythonOptions } from "../../../adapters/python.ts";
import {
  PythonStartError,
  type Loop,
  type LoopOptions,
} from "../../../lib/index.ts";
import { useDesk } from "../../support/desk.ts";
import { needsPython, pythonApp } from "../../support/python.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";

/** Processes have to start, on a machine that may be busy. */
export const PATIENCE_MS = 30_000;

/** What holds for processes that import the application themselves, and for those that are forked. */
export function describeProcesses(lazyApps: boolean): void {
  describe(`Processes of Python with lazyApps: ${lazyApps}`, function () {
    this.timeout(PATIENCE_MS);

    before(function () {
      needsPython(this);
    });

    const desk = useDesk();

    const serve = (
      name: string,
      options: PythonOptions = {},
      ofLoop: LoopOptions = {},
    ) => {
      const app = pythonApp(`operated:${name}`, {
        env: { DESK: desk.path },
        lazyApps,
        ...options,
      });
      const setup = (loop: Loop): unknown => loop.mount(app);
      return serveWith(setup, { accessLog: true, ...ofLoop });
    };
    const text = async ({ url }: TestServer, path = "/"): Promise<string> =>
      await (await fetch(url + path)).text();
    const status = async ({ url }: TestServer, path: string) =>
      (await fetch(url + path)).status;

    describe("that die", () => {
      for (const [path, how] of [
        ["/kill", /has ended \(SIGKILL\)/],
        ["/exit", /has ended \(exit code 7\)/],
      ] as const)
        it(`answer 502, and are replaced: ${path}`, async () => {
          const server = await serve("dies");
          server.expectLog(how);
          const before = await text(server);
          expect(await status(server, path)).to.equal(502);
          const after = await text(server);
          expect(after).to.match(/^\d+$/).and.not.equal(before);
        });

      it("behind the head cut the connection", async () => {
        const server = await serve("dies");
        server.expectLog(/has ended \(exit code 7\)/);
        const client = await RawClient.connect(server.port);
        client.request("GET /cut");
        const received = await client.untilClosed();
        expect(received).to.match(/begun\n/);
        expect(received).to.not.include("\r\n0\r\n\r\n");
        expect(await status(server, "/")).to.equal(200);
      });

      it("lose the one request that they run: those around it are answered, and run once", async () => {
        const server = await serve("dies", { processes: 2 });
        server.expectLog(/has ended/);
        const asked = Array.from({ length: 300 }, (_, i) =>
          i % 100 === 50 ? "/kill" : `/once?${i}`,
        );
        const answers = await Promise.all(
          asked.map((path) => status(server, path)),
        );
        for (const [i, path] of asked.entries())
          expect(answers[i], path).to.equal(path === "/kill" ? 502 : 200);
        const ran = (await desk.noted("once")).split("\n");
        expect(ran).to.have.length(297);
        expect(new Set(ran).size).to.equal(297);
      });

      it("have finished what they had not sent yet", async () => {
        const server = await serve("dies");
        server.expectLog(/has ended/);
        const all = (paths: string[]): Promise<number[]> =>
          Promise.all(paths.map((path) => status(server, path)));
        for (let i = 0; i < 10; i++) await all(Array(20).fill("/")); // it is known to be fast, and is given many ahead
        for (let i = 0; i < 5; i++) {
          const paths = Array<string>(20).fill("/");
          paths[10] = "/kill";
          const answers = await all(paths);
          expect(answers.filter((code) => code === 200)).to.have.length(19);
          expect(answers[10]).to.equal(502);
        }
      });

      it("while a client is slow with what they say: the others have their 502 at once, that one gets all that was said", async () => {
        const server = await serve("dies", { threads: 2, streamBodies: true });
        server.expectLog(/has ended/);
        const client = await RawClient.connect(server.port);
        client.request("GET /flood");
        await client.until(/x/);
        client.socket.pause();
        const sent = await settled(async () =>
          Number(await text(server, "/sent")),
        );
        expect(await status(server, "/kill")).to.equal(502);
        expect(await text(server)).to.match(/^\d+$/);
        client.socket.resume();
        const received = await client.untilClosed();
        expect(received.split("x")).to.have.lengthOf.above(sent * 65_536);
      });

      it("and leave a child that has open what they had: 502, and a new one", async () => {
        const server = await serve("dies", { threads: 2 });
        server.expectLog(/has ended \(exit code 7\)/);
        try {
          expect(await status(server, "/parent")).to.equal(502);
          expect(await text(server)).to.match(/^\d+$/);
          await server.loop.close();
        } finally {
          process.kill(Number(await desk.noted("child")), "SIGKILL");
        }
      });

      it("while they are idle are replaced, and nobody notices", async () => {
        const server = await serve("pid");
        const before = Number(await text(server));
        process.kill(before, "SIGKILL");
        let after = before;
        while (after === before) after = Number(await text(server));
      });
    });

    describe("that hang", () => {
      it("answer 503 after harakiriMs, say where they were, and are replaced", async () => {
        const server = await serve("sleeps", { harakiriMs: 100 });
        server.expectLog(/./);
        expect(await status(server, "/sleep")).to.equal(503);
        const line = await server.logged(({ msg = "" }) =>
          msg.endsWith("in hang"),
        );
        expect(line.level).to.equal(50);
        expect(line.msg).to.match(/File ".*operated\.py", line \d+ in hang/);
        const [access] = server.accessLines;
        expect(access!["outcome"]).to.equal("timeout");
        const told = server.log.find(({ msg }) => /harakiriMs/.test(msg!))!;
        expect(told.level).to.equal(50);
        expect(told["requestId"]).to.equal(access!["requestId"]);
        expect(await status(server, "/")).to.equal(200);
      });

      it("before they begin what they are given are replaced after harakiriMs, and others answer it", async () => {
        const server = await serve("pid", { harakiriMs: 100 });
        server.expectLog(/a request that it had not begun: .*harakiriMs/);
        const before = Number(await text(server));
        process.kill(before, "SIGSTOP");
        const after = await Promise.all([text(server), text(server)]);
        for (const pid of after)
          expect(pid).to.match(/^\d+$/).and.not.equal(String(before));
      });

      it("are not those that take a long body slowly and steadily", async () => {
        const server = await serve(
          "slow_reader",
          { harakiriMs: 1000 },
          { maxBodyBytes: 4_000_000 },
        );
        const body = Buffer.alloc(3_000_000); // 46 pieces, 30 ms or more for each
        const response = await fetch(server.url, { method: "POST", body });
        expect(await response.text()).to.equal("3000000");
      });

      it("keep a request whose long body they have, when they could not begin it at once", async () => {
        const server = await serve("slow_reader");
        const pid = Number(await text(server, "/pid"));
        process.kill(pid, "SIGSTOP");
        const body = Buffer.alloc(150_000);
        const asked = fetch(server.url, { method: "POST", body });
        while (server.loop.tally.accepted < 2) await setTimeout(5);
        await setTimeout(100); // it might be taken back meanwhile
        process.kill(pid, "SIGCONT");
        expect(await (await asked).text()).to.equal("150000");
      });

      it("keep nobody waiting who could be served by others", async () => {
        const server = await serve("sleeps", { threads: 2 });
        const waiting = text(server, "/wait");
        const others = await Promise.all(
          Array.from({ length: 20 }, () => status(server, "/")),
        );
        expect(others).to.deep.equal(others.map(() => 200));
        const [exchange] = server.loop.tasks().exchanges;
        expect(exchange!.waitsFor).to.equal(
          "a Python process of operated:sleeps",
        );
        writeFileSync(join(desk.path, "go"), "");
        await waiting;
      });
    });

    describe("after maxRequests", () => {
      it("are replaced, and no request is lost", async () => {
        const server = await serve("pid", {
          maxRequests: 20,
          maxRequestsJitter: 5,
        });
        const pids = new Set<string>();
        for (let i = 0; i < 100; i++) pids.add(await text(server));
        for (const pid of pids) expect(pid).to.match(/^\d+$/);
        while (pids.size < 3) pids.add(await text(server));
      });

      it("keep nobody waiting behind a slow request that they still have", async () => {
        const server = await serve("sleeps", { processes: 2, maxRequests: 15 });
        for (let i = 0; i < 100; i++) {
          const slow = text(server, `/wait?${i}`);
          await Promise.all(Array.from({ length: 4 }, () => text(server)));
          writeFileSync(join(desk.path, String(i)), "");
          await slow;
        }
      });
    });

    it("that are replaced end, also with threads that Python would wait for", async () => {
      const server = await serve("lingers", { maxRequests: 1 });
      const old = Number(await text(server));
      while (isRunning(old)) await setTimeout(5);
    });

    it("that are reloaded end, also with threads that Python would wait for", async () => {
      const app = pythonApp("operated:lingers", { lazyApps });
      const server = await serveWith((loop) => loop.mount(app));
      const old = Number(await text(server));
      await run(() => app.reload());
      while (isRunning(old)) await setTimeout(5);
      expect(await status(server, "/")).to.equal(200);
    });

    describe("that are reloaded", () => {
      it("load the new code one after the other, and lose nothing", async () => {
        writeFileSync(join(desk.path, "VERSION"), "old");
        const env = { DESK: desk.path };
        const app = pythonApp("versioned:app", { env, lazyApps, processes: 2 });
        const server = await serveWith((loop) => loop.mount(app));
        expect(await text(server)).to.equal("old");
        const old = Number(await text(server, "/pid"));
        writeFileSync(join(desk.path, "VERSION"), "new");
        let reloading = true;
        const asking = (async () => {
          const answers = new Set<string>();
          while (reloading) answers.add(await text(server));
          return answers;
        })();
        await run(() => app.reload());
        reloading = false;
        expect([...(await asking)]).to.include("old");
        for (let i = 0; i < 5; i++) expect(await text(server)).to.equal("new");
        while (isRunning(old)) await setTimeout(5);
      });

      it("go on with the old code when the new one does not load", async () => {
        writeFileSync(join(desk.path, "VERSION"), "old");
        const app = pythonApp("versioned:app", {
          env: { DESK: desk.path },
          lazyApps,
        });
        const server = await serveWith((loop) => loop.mount(app));
        writeFileSync(join(desk.path, "VERSION"), "broken");
        const failure = await run(() => app.reload()).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(failure).to.be.instanceOf(PythonStartError);
        expect((failure as Error).message).to.match(
          /RuntimeError: on purpose$/,
        );
        expect(await text(server)).to.equal("old");
      });
    });

    describe("whose client has left", () => {
      const leave = async (
        server: TestServer,
        path: string,
      ): Promise<RawClient> => {
        const client = await RawClient.connect(server.port);
        client.request(`GET ${path}`);
        await desk.noted("begun");
        client.abort();
        return client;
      };

      it("can ask whether it has", async () => {
        const server = await serve("asks");
        await leave(server, "/ask");
        expect(await desk.noted("ended")).to.equal("True");
        expect(await desk.noted("begun")).to.equal("False");
        expect(await status(server, "/")).to.equal(200);
      });

      it("are interrupted where that is asked for, and serve the next request", async () => {
        const server = await serve("interrupted", { interrupt: true });
        const before = await text(server);
        await leave(server, "/loop");
        expect(await desk.noted("ended")).to.equal("cleaned up");
        expect(await text(server)).to.equal(before);
      });

      it("are replaced after abortGraceMs", async () => {
        const server = await serve("interrupted", { abortGraceMs: 50 });
        server.expectLog(/went on for 50 ms after its client had left/);
        const before = await text(server);
        await leave(server, "/loop");
        expect(await text(server))
          .to.match(/^\d+$/)
          .and.not.equal(before);
      });

      it("are left in peace while others need them", async () => {
        const options = { threads: 2, abortGraceMs: 50 };
        const server = await serve("sleeps", options);
        server.expectLog(/after its client had left/);
        const waiting = text(server, "/wait");
        await leave(server, "/sleep");
        await server.logged(({ msg = "" }) => msg.includes("had left"));
        expect(await status(server, "/")).to.equal(200); // by a new one, as both threads are taken
        await setTimeout(150); // in which nobody may be killed
        writeFileSync(join(desk.path, "go"), "");
        const old = Number(await waiting);
        expect(old).to.be.greaterThan(0);
        while (isRunning(old)) await setTimeout(5);
        expect(await status(server, "/")).to.equal(200);
      });
    });

    it("end with the loop", async () => {
      const server = await serve("pid", { processes: 2, threads: 2 });
      const pids = new Set<string>();
      while (pids.size < 2)
        for (const pid of await Promise.all([text(server), text(server)]))
          pids.add(pid);
      await server.loop.close();
      for (const pid of pids) expect(isRunning(Number(pid))).to.equal(false);
    });
  });
}

/** What it is when it does not change any more. */
async function settled(look: () => Promise<number>): Promise<number> {
  let [before, now] = [NaN, await look()];
  while (now !== before) {
    await setTimeout(100);
    [before, now] = [now, await look()];
  }
  return now;
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`; // proc(5)
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, "utf8")); // ended, and not noticed by its parent yet
}
