/** Children (fork) of an application: they have no part in what their parent has with the gateway. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { needsPython, pythonApp } from "../support/python.ts";
import { serveWith } from "../support/server.ts";
import { shareServer } from "../support/shared-server.ts";
import { PATIENCE_MS } from "../adapters/python/processes.ts";

for (const lazyApps of [true, false])
  for (const threads of [1, 4])
    describe(`Children of a Python application with lazyApps: ${lazyApps}, threads: ${threads}`, function () {
      this.timeout(PATIENCE_MS);

      before(function () {
        needsPython(this);
      });

      let desk: string;
      before(() => void (desk = mkdtempSync(join(tmpdir(), "eddy-test-"))));
      after(() => rmSync(desk, { recursive: true }));
      const serverOf = shareServer((loop) => {
        const env = { DESK: desk };
        const options = { env, lazyApps, threads, interrupt: threads > 1 };
        loop.mount(pythonApp("children:app", options));
      });

      const ask = async (path: string, init?: RequestInit): Promise<string> => {
        const response = await fetch(serverOf().url + path, init);
        return `${response.status === 200 ? "" : response.status}${await response.text()}`;
      };

      /** What a child has noted, which is taken away; waited for. */
      const noted = async (name: string): Promise<string> => {
        const file = join(desk, name);
        while (!existsSync(file)) await setTimeout(5);
        const text = readFileSync(file, "utf8");
        rmSync(file);
        return text;
      };

      /** A line of the log, waited for; whatever else is there is expected as well. */
      const logged = async (text: string): Promise<void> => {
        serverOf().expectLog(/./);
        await serverOf().logged(({ msg = "" }) => msg.includes(text));
      };

      let pid: string;
      before(async () => void (pid = await ask("/pid")));
      afterEach(async () => {
        rmSync(join(desk, "waiting"), { force: true });
        for (let i = 0; i <= threads; i++)
          expect(await ask("/pid"), "served on").to.equal(pid);
      });

      /** Starts a child, and says how it has ended while the client that asks for that is served. */
      const childOf = async (path: string): Promise<string> => {
        const child = await ask(path);
        expect(child).to.match(/^\d+$/);
        return await ask(`/wait?${child}`);
      };

      for (const path of ["/secret", "/page", "/unseen"])
        it(`tell the next client nothing of what they fail with: ${path}`, async () => {
          const child = await ask(`${path}?alice`);
          const next = await ask(`/wait?${child}`);
          serverOf().expectLog(/./);
          expect(next).to.equal("exit 1");
          await logged("secret of alice");
        });

      it("tell nobody anything, however many there are", async () => {
        const numbers = Array.from({ length: 24 }, (_, i) => String(i));
        const answers = numbers.map((number) => ask(`/each?${number}`));
        serverOf().expectLog(/./);
        expect(await Promise.all(answers)).to.deep.equal(numbers);
      });

      for (const status of [0, 7])
        it(`end by sys.exit(${status}), and have done their work`, async () => {
          expect(await childOf(`/exits?${status}`)).to.equal(`exit ${status}`);
          expect(await noted("work")).to.equal("done");
        });

      it("go on as daemons after a double fork", async () => {
        expect(await childOf("/daemon")).to.equal("exit 0");
        expect(await noted("daemon")).to.match(/^\d+$/);
      });

      for (const path of ["/returns", "/writes", "/unseen_reply"])
        it(`cannot answer the request of their parent: ${path}`, async () => {
          serverOf().expectLog(/./);
          expect(await childOf(path)).to.equal("exit 1");
          await logged("by the child");
        });

      it("cannot go on with the reply of their parent", async () => {
        const [, child] = (await ask("/yields")).split("> ");
        expect(child).to.match(/^\d+$/);
        expect(await ask(`/wait?${child}`)).to.equal("exit 1");
        await logged("by the child");
      });

      it("take no further request", async () => {
        expect(await ask("/closes")).to.equal("closed");
        const child = await noted("closed");
        expect(await ask(`/wait?${child}`)).to.equal("exit 1");
        await logged("os._exit()");
      });

      it("take nothing of a body away from their parent", async () => {
        const body = Buffer.alloc(1_000_000);
        expect(await ask("/reads", { method: "POST", body })).to.equal(
          "1000000",
        );
        await logged("os._exit()");
      });

      it("print what they write to wsgi.errors", async () => {
        expect(await childOf("/logs")).to.equal("exit 0");
        await logged("wsgi.errors of the child");
        await logged("printed by the child");
      });

      it("have nothing open that their parent has open to the gateway", async () => {
        expect(await childOf("/sockets")).to.equal("exit 0");
        expect(await noted("sockets")).to.equal("[]");
      });

      for (const [signal, how] of [
        ["SIGTERM", "signal 15"],
        ["SIGHUP", "signal 1"],
        ["SIGUSR1", "signal 10"],
        ["SIGINT", "exit 9"], // as the application has it
      ] as const)
        it(`end by ${signal}: ${how}`, async () => {
          const child = Number(await ask("/waits"));
          process.kill(child, signal);
          expect(await ask(`/wait?${child}`)).to.equal(how);
          rmSync(join(desk, "waits"));
        });

      it("have a parent that handles the signals that it handles", async () => {
        expect(await ask("/handlers")).to.equal("True");
      });

      it("may be processes of multiprocessing", async () => {
        expect(await ask("/multiprocess")).to.equal("42 0 -15 [3, 7]");
      });

      it("may be programs", async () => {
        expect(await ask("/commands")).to.equal("one two -15");
      });
    });

describe("Children of a Python application made while it is imported", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  for (const lazyApps of [true, false])
    for (const [child, how, told] of [
      ["raises", "exit 1", "RuntimeError: on purpose"],
      ["exits", "exit 7", undefined],
      ["goes on", "exit 1", "os._exit()"],
    ] as const)
      it(`end, and their parent serves: one that ${child}, lazyApps: ${lazyApps}`, async () => {
        const env = { CHILD: child };
        const app = pythonApp("forks_at_import:app", { env, lazyApps });
        const server = await serveWith((loop) => loop.mount(app));
        server.expectLog(/./);
        expect(await (await fetch(server.url)).text()).to.equal(how);
        if (told !== undefined)
          await server.logged(({ msg = "" }) => msg.includes(told));
      });
});
