/** Processes that are forked from one that has imported the application. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { run } from "effection";
import type { PythonOptions } from "../../adapters/python.ts";
import { PythonStartError, type TaskView } from "../../lib/index.ts";
import { folderWith } from "../support/folder.ts";
import { needsPython, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import {
  describeProcesses,
  isRunning,
  PATIENCE_MS,
} from "../adapters/python/processes.ts";

describeProcesses(false);

describe("Processes of Python", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  let desk: string;
  beforeEach(() => (desk = folderWith({ VERSION: "old" })));

  const become = (version: string): void =>
    writeFileSync(join(desk, "VERSION"), version);
  const imports = (): string[] =>
    readFileSync(join(desk, "imports"), "utf8").trim().split("\n");
  const versioned = (options: PythonOptions): Promise<TestServer> => {
    const app = pythonApp("versioned:app", { env: { DESK: desk }, ...options });
    return serveWith((loop) => loop.mount(app));
  };
  const ask = async ({ url }: TestServer, path = "/"): Promise<string> =>
    await (await fetch(url + path)).text();

  describe("that are copies of one that has imported it", () => {
    const lazyApps = false;

    it("come from one import, also those that replace others", async () => {
      const server = await versioned({ lazyApps, processes: 3 });
      server.expectLog(/has ended/);
      expect(imports()).to.have.length(1);
      become("broken");
      expect((await fetch(`${server.url}/exit`)).status).to.equal(502);
      for (let i = 0; i < 10; i++) expect(await ask(server)).to.equal("old");
      expect(await ask(server, "/parent")).to.equal(imports()[0]);
      expect(imports()).to.have.length(1);
    });

    it("do not start when it cannot be imported, and say why", async () => {
      become("broken");
      const failure = await versioned({ lazyApps, processes: 2 }).then(
        () => undefined,
        (error: Error) => error,
      );
      expect(failure).to.be.instanceOf(PythonStartError);
      expect(failure!.message).to.match(
        /does not start \(exit code 1\)[^]*versioned\.py[^]*RuntimeError: on purpose$/,
      );
      expect(imports()).to.have.length(1);
    });

    it("do not start where there is no interpreter, and say so", async () => {
      const failure = await versioned({ lazyApps, python: "/no-python" }).then(
        () => undefined,
        (error: Error) => error,
      );
      expect(failure!.message).to.match(
        /:\nthere is no interpreter \/no-python;/,
      );
    });

    it("end with that one, which is replaced, and imports the code as it is now", async () => {
      const server = await versioned({ lazyApps, processes: 2 });
      server.expectLog(/has ended \(SIGKILL\)/);
      const worker = Number(await ask(server, "/pid"));
      become("new");
      process.kill(Number(imports()[0]), "SIGKILL");
      while ((await ask(server)) !== "new") await setTimeout(5);
      expect(imports()).to.have.length(2);
      while (isRunning(worker)) await setTimeout(5);
    });

    it("end with that one also when a child of it stays, which has open what it had", async () => {
      become("parent");
      const server = await versioned({ lazyApps });
      server.expectLog(/has ended \(SIGKILL\)/);
      become("new");
      process.kill(Number(imports()[0]), "SIGKILL");
      try {
        while ((await ask(server)) !== "new") await setTimeout(5);
        await server.loop.close();
      } finally {
        const child = Number(readFileSync(join(desk, "child"), "utf8"));
        process.kill(child, "SIGKILL");
      }
    });

    it("leave that one behind when they are reloaded, until the last of them has ended", async () => {
      const app = pythonApp("versioned:app", { env: { DESK: desk }, lazyApps });
      const server = await serveWith((loop) => loop.mount(app));
      become("new");
      await run(() => app.reload());
      expect(await ask(server)).to.equal("new");
      const [before, after] = imports();
      while (isRunning(Number(before))) await setTimeout(5);
      expect(await ask(server, "/parent")).to.equal(after);
      await server.loop.close();
      expect(isRunning(Number(after))).to.equal(false);
    });

    it("leave nothing of it behind after a reload, whether that succeeds or not", async () => {
      const app = pythonApp("versioned:app", { env: { DESK: desk }, lazyApps });
      const server = await serveWith((loop) => loop.mount(app));
      const all = tasksOf(server);
      for (const version of ["new", "broken", "newer"]) {
        become(version);
        await run(() => app.reload()).catch(() => "old");
      }
      expect(await ask(server)).to.equal("newer");
      while (tasksOf(server).length > all.length) await setTimeout(5);
      expect(tasksOf(server)).to.have.members(all);
    });

    it("that is imported for a reload which is given up ends, and the old code goes on", async () => {
      const app = pythonApp("versioned:app", { env: { DESK: desk }, lazyApps });
      const server = await serveWith((loop) => loop.mount(app));
      become("endless");
      const reload = run(() => app.reload());
      while (imports().length < 2) await setTimeout(5);
      await reload.halt();
      while (isRunning(Number(imports()[1]))) await setTimeout(5);
      expect(await ask(server)).to.equal("old");
    });

    it("do not have its threads, of which the log warns", async () => {
      const app = pythonApp("threaded:app", { lazyApps });
      const server = await serveWith((loop) => loop.mount(app));
      server.expectLog(/the import has started threads/);
      expect(await ask(server)).to.not.include("idler");
      await server.logged(({ msg = "" }) =>
        msg.endsWith("the workers will not have (lazyApps): idler"),
      );
    });
  });
});

/** The names of all tasks of the application, those of tasks below others as well. */
function tasksOf({ loop }: TestServer): string[] {
  const below = ({ name, children }: TaskView): string[] => [
    name,
    ...children.flatMap(below),
  ];
  return loop.tasks().resources.flatMap(below);
}
