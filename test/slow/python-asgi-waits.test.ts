/** Where applications of Python that speak ASGI wait or block: what the log says, whoever's task it is. */
import { expect } from "chai";
import type { PythonOptions } from "../../adapters/python.ts";
import { missingModules, needsPython, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { PATIENCE_MS } from "../adapters/python/processes.ts";

/** Seconds behind which a call that blocks has been found, by a watch that looks every second. */
const LONG = 2.5;

const serve = (options: PythonOptions, app: string): Promise<TestServer> =>
  serveWith((loop) => loop.mount(pythonApp(app, options)), { accessLog: true });
const ask = async ({ url }: TestServer, path: string): Promise<string> => {
  const response = await fetch(url + path);
  return `${response.status === 200 ? "" : response.status}${await response.text()}`;
};
/** All that was logged up to the line that says so, and that line. */
const saidUpTo = async (server: TestServer, text: string): Promise<string> => {
  const last = await server.logged(({ msg = "" }) => msg.includes(text));
  const lines = server.log.slice(0, server.log.indexOf(last) + 1);
  return lines.map(({ msg = "" }) => msg).join("\n");
};

describe("python() says where an application of ASGI", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  for (const loop of ["asyncio", "uvloop"] as const)
    describe(`waits, on the event loop of ${loop}`, () => {
      before(function () {
        if (loop === "uvloop") needsPython(this, "uvloop");
      });

      it("after harakiriMs, in tasks that the request has started, and in those of no other", async () => {
        const server = await serve({ loop, harakiriMs: 500 }, "asgi_bare:app");
        server.expectLog(/harakiriMs|in inner/);
        const other = ask(server, "/hangs");
        expect(await ask(server, "/hangs-in-tasks")).to.match(/^503/);
        expect(await other).to.match(/^503/);
        const { requestId } = server.accessLines.find(
          ({ path }) => path === "/hangs-in-tasks",
        )!;
        const { msg } = await server.logged(
          (line) =>
            line["requestId"] === requestId && /in inner/.test(line.msg!),
        );
        expect(msg).to.match(
          /^it waits here[^]*in hangs_in_tasks[^]*in gather[^]*$/,
        );
        expect(msg!.match(/a task that it has started/g)).to.have.length(3);
        expect(msg).to.not.match(/in hangs\n|eddy_worker/);
      });

      it("blocks, in a task that the request has started", async () => {
        const server = await serve({ loop }, "asgi_bare:app");
        server.expectLog(/./);
        const path = `/blocks-in-task?${LONG}`;
        expect(await ask(server, path)).to.equal("done");
        const said = await saidUpTo(server, "has stood still");
        expect(said).to.include("GET /blocks-in-task blocks here");
        expect(said).to.match(/asgi_bare\.py", line \d+, in block\n/);
        expect(said).to.not.match(/eddy_worker|asyncio/);
      });
    });

  for (const library of ["gevent", "eventlet"])
    describe(`waits, whose sleep is that of ${library}`, () => {
      before(function () {
        const missing = missingModules(library);
        if (missing === undefined) return;
        console.log(`      skipped: ${missing} (Debian: python3-${library})`);
        this.skip();
      });

      const env = { GREEN: library };

      const loops = library === "gevent" ? ["asyncio", "auto"] : ["auto"];
      for (const loop of loops as ("asyncio" | "auto")[])
        it(`and names the request, with loop: "${loop}"`, async () => {
          const server = await serve({ loop, env }, "greened_asgi:app");
          server.expectLog(/./);
          expect(await ask(server, "/")).to.equal("done");
          expect(await ask(server, `/green?${LONG}`)).to.equal("done");
          const said = await saidUpTo(server, "has stood still");
          expect(said).to.include("GET /green blocks here");
          expect(said).to.match(/greened_asgi\.py", line \d+, in sleeps\n/);
          await saidUpTo(server, "the event loop goes on");
        });

      it("and says so when it is replaced after harakiriMs", async () => {
        const options = { env, harakiriMs: 200 };
        const server = await serve(options, "greened_asgi:app");
        server.expectLog(/./);
        expect(await ask(server, "/?1000")).to.match(/^503/);
        const said = await saidUpTo(server, "the event loop waits here");
        expect(said).to.match(/greened_asgi\.py", line \d+, in sleeps\n/);
        expect(await ask(server, "/")).to.equal("done");
      });
    });
});
