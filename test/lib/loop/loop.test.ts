import { spawn as spawnProcess } from "node:child_process";
import { once } from "node:events";
import { text as readText } from "node:stream/consumers";
import { expect } from "chai";
import {
  createScope,
  run,
  sleep,
  spawn,
  suspend,
  until,
  type Operation,
} from "effection";
import { Loop, UsageError, type OpenApplication } from "../../../lib/index.ts";
import { freePort } from "../../support/free-port.ts";
import { Gate } from "../../support/gate.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, TestServer } from "../../support/server.ts";

const HERE = { port: 0, host: "127.0.0.1" };

/** Runs a program that has `Loop`, to its end. */
async function runProgram(body: string) {
  const index = new URL("../../../lib/index.js", import.meta.url);
  const program = `
    import { once } from "node:events";
    import { connect } from "node:net";
    import { Loop } from ${JSON.stringify(index)};
    ${body}`;
  const child = spawnProcess(process.execPath, [
    "--input-type=module",
    "-e",
    program,
  ]);
  const [stdout, stderr, [code]] = await Promise.all([
    readText(child.stdout),
    readText(child.stderr),
    once(child, "exit") as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

/** An application that notes when it opens and closes. */
function noting(
  name: string,
  notes: string[],
  open?: () => Operation<void>,
): OpenApplication {
  return {
    handle: () => name,
    *open() {
      if (open) yield* open();
      notes.push(`${name} opens`);
      yield* spawn(function* () {
        try {
          yield* suspend();
        } finally {
          notes.push(`${name} closes`);
        }
      });
    },
  };
}

describe("A loop", () => {
  describe("listen()", () => {
    it("gives the address when awaited, and serves there", async () => {
      const server = new TestServer();
      const address = await server.loop.mount(() => "here").listen(HERE);
      expect(address.port).to.be.greaterThan(0);
      expect(address.url).to.equal(`http://127.0.0.1:${address.port}`);
      expect(await (await fetch(address.url)).text()).to.equal("here");
    });

    it("belongs to the scope of an operation that yields to it", async () => {
      const server = new TestServer();
      server.loop.mount(() => "here");
      let url = "";
      await run(function* () {
        ({ url } = yield* server.loop.listen(HERE));
      });
      const refused = await fetch(url).catch((error: Error) => error);
      expect(refused).to.be.instanceOf(Error);
      expect((await server.loop.closed).tally.accepted).to.equal(0);
    });

    it("serves the same applications at several addresses", async () => {
      const server = new TestServer();
      server.loop.mount(() => "both");
      const addresses = [
        await server.loop.listen(HERE),
        await server.loop.listen(HERE),
      ];
      for (const { url } of addresses)
        expect(await (await fetch(url)).text()).to.equal("both");
    });

    it("says so in the log", async () => {
      const server = await serveWith((loop) => loop.mount(() => ""));
      expect(server.log[0]).to.include({
        level: 30,
        msg: `listening on ${server.url}`,
      });
    });

    it("takes no more mounts", async () => {
      const server = await serveWith((loop) => loop.mount(() => ""));
      expect(() => server.loop.get("/late", () => "")).to.throw(
        "mount applications before listen()",
      );
    });

    it("fails once the loop is closed", async () => {
      const server = new TestServer();
      await server.loop.close();
      const error = await server.loop
        .listen(HERE)
        .catch((reason: Error) => reason);
      expect(error).to.have.property("message", "the loop is stopped");
    });
  });

  describe("with applications that open resources", () => {
    it("opens them in order before the port, and closes them in reverse order after the drain", async () => {
      const notes: string[] = [];
      const server = new TestServer();
      server.loop
        .mount("/a", noting("a", notes))
        .mount("/b", noting("b", notes));
      const { url } = await server.loop.listen(HERE);
      expect(notes).to.deep.equal(["a opens", "b opens"]);
      expect(await (await fetch(`${url}/b`)).text()).to.equal("b");
      await server.loop.close();
      expect(notes.slice(2)).to.deep.equal(["b closes", "a closes"]);
    });

    it("fails when one does not open, closes the others, and can try again", async () => {
      const notes: string[] = [];
      let broken = true;
      const server = new TestServer();
      server.loop.mount("/a", noting("a", notes));
      const open = function* (): Operation<void> {
        yield* sleep(0);
        if (broken) throw new Error("no such file");
      };
      server.loop.mount("/b", noting("b", notes, open));
      const error = await server.loop
        .listen(HERE)
        .catch((reason: Error) => reason);
      expect(error).to.have.property("message", "no such file");
      expect(notes).to.deep.equal(["a opens", "a closes"]);
      broken = false;
      await server.loop.listen(HERE);
      expect(notes.slice(2)).to.deep.equal(["a opens", "b opens"]);
    });

    it("gives up when it is closed meanwhile", async () => {
      const server = new TestServer();
      server.loop.mount({ handle: () => "", open: suspend });
      const listening = server.loop
        .listen(HERE)
        .catch((reason: Error) => reason);
      await server.loop.close();
      expect(await listening).to.be.instanceOf(UsageError);
      expect(String(await listening)).to.match(/the loop was closed/);
    });

    it("keeps them open for one listen() when another at the same time fails", async () => {
      const early = { ...HERE, tls: { key: "/none", cert: "/none" } };
      const late = { ...HERE, host: "192.0.2.77" };
      const slow = { uwsgi: "127.0.0.1:0" };
      for (const targets of [
        [early, HERE],
        [HERE, early],
        [early, slow],
        [slow, early, late],
        [late, HERE],
      ]) {
        const notes: string[] = [];
        const server = new TestServer();
        server.loop.mount(noting("a", notes));
        const results = await Promise.allSettled(
          targets.map((target) => server.loop.listen(target)),
        );
        expect(results.map(({ status }) => status)).to.deep.equal(
          targets.map((at) =>
            at === HERE || at === slow ? "fulfilled" : "rejected",
          ),
        );
        expect(notes).to.deep.equal(["a opens"]);
      }
    });

    it("closes them once when all of several listen() fail, and opens them for the next", async () => {
      const notes: string[] = [];
      const server = new TestServer();
      server.loop.mount(noting("a", notes));
      const nowhere = { ...HERE, tls: { key: "/none", cert: "/none" } };
      const failing = [1, 2].map(() => server.loop.listen(nowhere));
      await Promise.allSettled(failing);
      expect(notes).to.deep.equal(["a opens", "a closes"]);
      const last = server.loop.listen(nowhere);
      const next = last.catch(() => server.loop.listen(HERE));
      const { url } = await next;
      expect(await (await fetch(url)).text()).to.equal("a");
      expect(notes.slice(2)).to.deep.equal(["a opens", "a closes", "a opens"]);
    });

    it("waits with one listen() for the end of what another has opened", async () => {
      const notes: string[] = [];
      const server = new TestServer();
      const closing = new Gate();
      const closed = new Gate();
      server.loop.mount({
        handle: () => "a",
        *open() {
          notes.push("opens");
          yield* spawn(function* () {
            try {
              yield* suspend();
            } finally {
              closing.open();
              yield* until(closed.opened);
              notes.push("closed");
            }
          });
        },
      });
      const failing = server.loop.listen({ port: 0, host: "192.0.2.77" });
      failing.catch(() => {});
      await closing.opened;
      const listening = server.loop.listen(HERE);
      closed.open();
      const { url } = await listening;
      expect(await (await fetch(url)).text()).to.equal("a");
      expect(notes).to.deep.equal(["opens", "closed", "opens"]);
    });

    it("closes as a whole when a resource fails later", async () => {
      const listens = new Gate();
      const server = new TestServer().expectLog(/resource failed/);
      server.loop.mount({
        handle: () => "",
        *open() {
          yield* spawn(function* (): Operation<void> {
            yield* until(listens.opened);
            throw new Error("the pool died");
          });
        },
      });
      await server.loop.listen(HERE);
      listens.open();
      expect(
        await server.loop.closed.catch((error: Error) => error.message),
      ).to.equal("the pool died");
    });

    it("listen() fails with what a resource failed with meanwhile", async () => {
      const server = new TestServer().expectLog(/resource failed/);
      const opensNext = new Gate();
      server.loop.mount("/pool", {
        handle: () => "",
        *open() {
          yield* spawn(function* (): Operation<void> {
            yield* until(opensNext.opened);
            throw new Error("the pool died");
          });
        },
      });
      server.loop.mount("/slow", {
        handle: () => "",
        *open() {
          opensNext.open();
          yield* suspend();
        },
      });
      const listening = server.loop.listen(HERE);
      const [opened, closed] = await Promise.allSettled([
        listening,
        server.loop.closed,
      ]);
      expect(opened).to.have.nested.property("reason.message", "the pool died");
      expect(closed).to.have.nested.property("reason.message", "the pool died");
    });
  });

  describe("run()", () => {
    it("runs a task beside the exchanges, until the loop has drained", async () => {
      const notes: string[] = [];
      const server = await serveWith((loop) => loop.mount(() => ""));
      server.loop.run(function* () {
        try {
          notes.push("runs");
          yield* suspend();
        } finally {
          notes.push("halted");
        }
      });
      expect(notes).to.deep.equal(["runs"]);
      await server.loop.close();
      expect(notes).to.deep.equal(["runs", "halted"]);
    });

    it("starts nothing once the loop has stopped: nobody would end it", async () => {
      const server = await serveWith((loop) => loop.mount(() => ""));
      await server.loop.close();
      expect(() => server.loop.run(suspend)).to.throw(
        UsageError,
        "the loop is stopped",
      );
    });

    it("closes the loop when the task fails: logged, drained, `closed` rejects", async () => {
      const server = (
        await serveWith((loop) => loop.mount(() => ""))
      ).expectLog(/a background task failed/);
      server.loop.run(function* (): Operation<void> {
        yield* sleep(1);
        throw new Error("out of ideas");
      });
      expect(
        await server.loop.closed.catch((error: Error) => error.message),
      ).to.equal("out of ideas");
      expect(await fetch(server.url).catch(() => "refused")).to.equal(
        "refused",
      );
    });
  });

  describe("close()", () => {
    it("lets running exchanges finish, and tells them to close their connection", async () => {
      let release!: () => void;
      const released = new Promise<void>((resolve) => (release = resolve));
      let entered!: () => void;
      const inside = new Promise<void>((resolve) => (entered = resolve));
      const server = await serveWith((loop) =>
        loop.mount(async () => {
          entered();
          await released;
          return "finished";
        }),
      );
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await inside;
      const closing = server.loop.close();
      const connects = (): Promise<boolean> =>
        RawClient.connect(server.port).then(
          () => true,
          () => false,
        );
      while (await connects()); // those that come in the same moment are taken
      release();
      expect(await client.untilClosed()).to.match(
        /connection: close[^]*finished$/i,
      );
      expect((await closing).halted).to.deep.equal([]);
    });

    it("gives the same report to everybody", async () => {
      const server = await serveWith((loop) => loop.mount(() => ""));
      const [first, second] = await Promise.all([
        server.loop.close(),
        server.loop.close(),
      ]);
      expect(first).to.equal(second);
      expect(await server.loop.closed).to.equal(first);
    });

    it("logs a cleanup that fails, and still stops", async () => {
      const server = (
        await serveWith((loop) => loop.mount(() => ""))
      ).expectLog(/a cleanup of the loop failed/);
      server.loop.run(function* () {
        try {
          yield* suspend();
        } finally {
          // oxlint-disable-next-line no-unsafe-finally -- it is the subject
          throw new Error("cannot let go");
        }
      });
      await server.loop.close();
      await server.logged(({ err }) => err?.message === "cannot let go");
    });

    it("cuts idle connections, frees the port and lets the process end", async () => {
      const ended = await runProgram(`
        const listenOn = async (port) => {
          const loop = new Loop({ log: false }).mount(async () => "x");
          await loop.listen({ port, host: "127.0.0.1" });
          const client = connect(port, "127.0.0.1").setEncoding("latin1");
          client.write("GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n");
          await once(client, "data"); // and stays connected
          await loop.close();
        };
        const port = ${await freePort()};
        await listenOn(port);
        await listenOn(port);
        console.log("stopped twice");
      `);
      expect(ended).to.deep.equal({
        code: 0,
        stdout: "stopped twice\n",
        stderr: "",
      });
    });
  });

  it("makes the process fail when a background task failed and nobody looked", async () => {
    const ended = await runProgram(`
      const loop = new Loop({ log: false }).mount(() => "x");
      await loop.listen({ port: 0, host: "127.0.0.1" });
      loop.run(function* () { throw new Error("half dead"); });
    `);
    expect(ended.code).to.equal(1);
    expect(ended.stderr).to.include("half dead");
  });

  it("leaves effection's global scope alone", async () => {
    const scope = createScope();
    await new Loop({ log: false }).close();
    expect(
      await scope.run(function* () {
        yield* sleep(1);
        return "alive";
      }),
    ).to.equal("alive");
  });
});
