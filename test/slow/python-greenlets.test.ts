/** Applications that replace Python's threads, sockets and locks by those of gevent or eventlet. */
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { run } from "effection";
import { missingModules, pythonApp } from "../support/python.ts";
import { serveWith } from "../support/server.ts";
import { shareServer } from "../support/shared-server.ts";
import { isRunning, PATIENCE_MS } from "../adapters/python/processes.ts";

/** With lazyApps, and so many threads. eventlet takes a second to be imported, so it has each of them once. */
const CASES = {
  gevent: [
    [true, 1],
    [true, 4],
    [false, 1],
    [false, 4],
  ],
  eventlet: [
    [true, 4],
    [false, 1],
  ],
} as const;

for (const [library, cases] of Object.entries(CASES))
  describe(`A Python application patched by ${library}`, function () {
    this.timeout(PATIENCE_MS);

    before(function () {
      const missing = missingModules(library);
      if (missing === undefined) return;
      console.log(`    skipped: ${missing} (Debian: python3-${library})`);
      this.skip();
    });

    for (const [lazyApps, threads] of cases)
      describe(`with lazyApps: ${lazyApps}, threads: ${threads}`, () => {
        const options = { env: { GREEN: library }, lazyApps, threads };
        const serverOf = shareServer((loop) =>
          loop.mount("/", pythonApp("greened:app", options), {
            maxBodyBytes: Infinity,
          }),
        );
        const ask = async (
          path: string,
          init?: RequestInit,
        ): Promise<string> => {
          const response = await fetch(serverOf().url + path, init);
          return `${response.status === 200 ? "" : response.status}${await response.text()}`;
        };

        it("serves, and has its greenlets", async () => {
          const answers = await Promise.all(
            Array.from({ length: 8 }, () => ask("/greenlets")),
          );
          for (const answer of answers) expect(answer).to.equal("aabbc");
        });

        it("runs as many requests at once as it has threads", async () => {
          const names = await Promise.all(
            Array.from({ length: threads }, () => ask("/sleeps")),
          );
          expect(new Set(names).size).to.equal(threads);
        });

        it("takes and gives long bodies", async () => {
          const body = randomBytes(1_000_000).toString("base64");
          const init = { method: "POST", body };
          expect((await ask("/length", init)) === body).to.equal(true);
        });

        if (library !== "gevent" || threads === 1)
          // in other threads gevent itself refuses it
          it("may start children and programs", async () => {
            serverOf().expectLog(/./);
            expect(await ask("/child")).to.equal("1");
            expect(await ask("/program")).to.equal("said");
            await serverOf().logged(({ msg = "" }) =>
              msg.includes("RuntimeError: by the child"),
            );
          });

        it("may fail", async () => {
          serverOf().expectLog(/./);
          expect(await ask("/fails")).to.match(/^500/);
          for (const text of ["wsgi.errors of it", "printed by it"])
            await serverOf().logged(({ msg = "" }) => msg === text);
        });
      });

    if (library === "eventlet") return;
    it("is replaced when it hangs, when it is reloaded, and ends with the loop", async () => {
      const env = { GREEN: library };
      const app = pythonApp("greened:app", { env, harakiriMs: 100 });
      const server = await serveWith((loop) => loop.mount(app));
      server.expectLog(/./);
      const pids: number[] = [];
      const look = async (): Promise<void> => {
        const { url } = server;
        pids.push(Number(await (await fetch(`${url}/pid`)).text()));
      };
      await look();
      expect((await fetch(`${server.url}/hangs`)).status).to.equal(503);
      await look();
      await run(() => app.reload());
      await look();
      expect(new Set(pids).size).to.equal(3);
      await server.loop.close();
      for (const pid of pids) while (isRunning(pid)) await setTimeout(5);
    });
  });
