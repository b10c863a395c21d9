import { expect } from "chai";
import { afterEach, beforeEach } from "mocha";
import type { ThreadedApp } from "../../adapters/wsgi.ts";
import type { ThreadTimes } from "../../adapters/wsgi/threads/options.ts";
import type { Provided } from "../../adapters/wsgi/threads/work.ts";
import type { LoopOptions, TaskView } from "../../lib/index.ts";
import { Gate } from "../support/gate.ts";
import { Loading } from "../support/loading.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { threaded } from "../support/threads.ts";

/** Threads have to start, on a machine that may be busy. */
const PATIENCE_MS = 30_000;

/** The application and, in the same threads, nothing else; `/hello` has its own. */
const serve = (
  name: string,
  options: Partial<ThreadedApp> = {},
  loopOptions: Omit<LoopOptions, "log"> = {},
  times: Partial<ThreadTimes> = {},
): Promise<TestServer> =>
  serveWith((loop) => loop.mount(threaded("blocking", name, options, times)), {
    accessLog: true,
    ...loopOptions,
  });

/** A request that has reached the application. */
async function begun(
  server: TestServer,
  line = "GET /",
  head: string[] = [],
): Promise<RawClient> {
  const count = notes(server).length;
  const client = await RawClient.connect(server.port);
  client.request(line, head);
  await server.logged(() => notes(server).length > count);
  return client;
}

/** What the applications had to say. */
function notes(server: TestServer): unknown[] {
  return server.log.filter((line) => line.note).map(({ msg }) => msg);
}

const noted = (server: TestServer, what: string): Promise<unknown> =>
  server.logged(({ note, msg }) => note === true && msg === what);

const ended = (server: TestServer, outcome: string): Promise<unknown> =>
  server.logged((line) => line.msg === "request" && line.outcome === outcome);

/** The request at `path` is in the loop. */
async function reached(server: TestServer, path: string): Promise<void> {
  const isThere = (): boolean =>
    server.loop.tasks().exchanges.some(({ name }) => name.endsWith(path));
  while (!isThere()) await new Promise((resolve) => setImmediate(resolve));
}

/** Its threads are tasks, and shown. */
function threadsOf(server: TestServer): number {
  const [application] = server.loop.tasks().resources;
  const count = (tasks: readonly TaskView[]): number =>
    tasks.reduce(
      (sum, { name, children }) =>
        sum + (name === "thread" ? 1 : 0) + count(children),
      0,
    );
  return count([application!]);
}

/** The times, in milliseconds, of the timers that are set from now on, up to the first of `last`. */
function timers(last: number): Promise<number[]> {
  const { setTimeout } = globalThis;
  const times: number[] = [];
  return new Promise((resolve) => {
    const noting = (callback: () => void, ms = 0, ...rest: []): unknown => {
      times.push(ms);
      if (ms === last) {
        globalThis.setTimeout = setTimeout;
        resolve(times);
      }
      return setTimeout(callback, ms, ...rest);
    };
    globalThis.setTimeout = Object.assign(noting, setTimeout) as never;
  });
}

const FOREVER = { forever: () => new Promise(() => {}) };

describe("WSGI in threads:", function () {
  this.timeout(PATIENCE_MS);

  describe("When the client leaves, a thread", () => {
    it("that reads has ClientAbortedError thrown in the application", async () => {
      const server = await serve("reads", { streamBodies: true });
      const client = await RawClient.connect(server.port);
      client.request("POST /", ["content-length: 10"], "half");
      await noted(server, "begun");
      client.abort();
      await noted(server, "threw ClientAbortedError");
      await ended(server, "abort");
    });

    it("that streams closes the result, once, after the generator's finally", async () => {
      const server = await serve("streams");
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await client.until(/tick/);
      client.abort();
      await noted(server, "closed");
      await server.loop.close();
      expect(notes(server)).to.deep.equal(["begun", "finally", "closed"]);
    });

    it("that streams to a client that does not read does so, too", async () => {
      const server = await serve("streams");
      const client = await RawClient.connect(server.port);
      client.socket.pause();
      client.request("GET /");
      await noted(server, "begun");
      client.abort();
      await noted(server, "closed");
    });

    it("that computes is replaced after abortGraceMs, and the next request is served", async () => {
      const server = await serve("spins", { abortGraceMs: 10 });
      server.expectLog(
        /GET \/ went on for 10 ms after its end \(abortGraceMs\)/,
      );
      const client = await begun(server);
      client.abort();
      const next = await begun(server);
      next.abort();
      expect(notes(server)).to.deep.equal(["begun", "begun"]);
    });
  });

  it("A request that waits for its thread is shown as that", async () => {
    const server = await serve("waits", { provide: FOREVER });
    const client = await begun(server);
    const [exchange] = server.loop.tasks().exchanges;
    expect(exchange!.waitsFor).to.equal("a thread");
    client.abort();
    await noted(server, "threw ClientAbortedError");
  });

  describe("A request whose client left while it waited in line", () => {
    it("is not begun", async () => {
      const server = await serve("waits", { provide: FOREVER });
      const first = await begun(server);
      const second = await RawClient.connect(server.port);
      second.request("GET /second");
      await reached(server, "/second");
      second.abort();
      await ended(server, "abort");
      first.abort();
      await noted(server, "threw ClientAbortedError");
      await server.loop.close();
      expect(notes(server)).to.deep.equal([
        "begun",
        "threw ClientAbortedError",
      ]);
    });
  });

  describe("A request that waits behind one that computes,", () => {
    const SPINS = { abortGraceMs: 10, provide: FOREVER };
    const reachedBehind = async (
      server: TestServer,
      path: string,
    ): Promise<RawClient> => {
      const client = await RawClient.connect(server.port);
      client.request(`GET ${path}`);
      await reached(server, path);
      return client;
    };

    it("is not begun when its client leaves", async () => {
      const server = await serve("byPath");
      const first = await begun(server, "GET /blocks");
      const second = await reachedBehind(server, "/blocks");
      second.abort();
      await ended(server, "abort");
      await first.until(/^HTTP\/1.1 200 /);
      const response = await fetch(`${server.url}/blocked`);
      expect(await response.json()).to.equal(1);
    });

    it("goes to another thread when that one is lost", async () => {
      const server = await serve("byPath", SPINS);
      server.expectLog(/went on for 10 ms/);
      const first = await begun(server, "GET /spins");
      const behind = await reachedBehind(server, "/hello");
      first.abort();
      await behind.until(/^HTTP\/1.1 200 [^]*hello/);
    });

    it("goes to another thread that is free", async () => {
      const server = await serve("byPath", { ...SPINS, threads: 2 });
      server.expectLog(/went on for 10 ms/);
      const first = await begun(server, "GET /spins");
      const other = await begun(server, "GET /spins");
      const behind = await Promise.all(
        [1, 2, 3].map(() => reachedBehind(server, "/hello")),
      );
      other.abort();
      for (const client of behind) await client.until(/hello/);
      first.abort();
    });

    it("is served in its turn where another thread is never free", async () => {
      const server = await serve("byPath", { ...SPINS, threads: 2 });
      server.expectLog(/went on for 10 ms/);
      const first = await begun(server, "GET /spins");
      const answers = [0, 0, 0, 0];
      const ask = async (i: number): Promise<void> => {
        do expect((await fetch(`${server.url}/naps`)).status).to.equal(200);
        while (++answers[i]! < 3 || answers.some((count) => count < 3)); // until then the other thread is never free
      };
      await Promise.all(answers.map((_, i) => ask(i)));
      expect(Math.max(...answers)).to.be.below(200); // sooner or later it is free by chance
      first.abort();
    });

    it("counts for maxQueuedRequests", async () => {
      const server = await serve("byPath", { ...SPINS, maxQueuedRequests: 1 });
      server.expectLog(/all threads are busy/, /went on for 10 ms/);
      const first = await begun(server, "GET /spins");
      const behind = await reachedBehind(server, "/hello");
      expect((await fetch(`${server.url}/hello`)).status).to.equal(503);
      first.abort();
      await behind.until(/hello/);
    });
  });

  describe("Many requests at once", () => {
    it("are answered each with its own reply", async () => {
      const { url } = await serve("looks", { threads: 2 });
      await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const response = await fetch(`${url}/?${i}`);
          expect((await response.json())[2]).to.equal(String(i));
        }),
      );
    });

    it("have each its own body, beside others that have none", async () => {
      const { url } = await serveWith((loop) =>
        loop.mount(threaded("contract", "echo")),
      );
      const bodies = Array.from({ length: 60 }, (_, i) =>
        i % 3 === 0 ? undefined : String(i).repeat(i % 3 === 1 ? 1 : 50_000),
      );
      await Promise.all(
        bodies.map(async (body, i) => {
          const init = { method: "POST", body: body ?? null };
          const response = await fetch(`${url}/${i}`, init);
          expect(response.headers.get("x-path")).to.equal(`/${i}`);
          expect(await response.text()).to.equal(body ?? "");
        }),
      );
    });

    it("may have a head that does not fit into the queue", async () => {
      const { url } = await serve("looks");
      const sent = "x".repeat(9000);
      const response = await fetch(url, { headers: { "x-sent": sent } });
      expect((await response.json())[3]).to.equal(sent);
    });

    it("have each the head and body of its own reply, also after another one of the same head", async () => {
      const { url } = await serve("inManyForms");
      const kinds = "a a sb a sa b b sb b a b a a b b a".split(" ");
      const found: unknown[] = [];
      for (const kind of kinds) {
        const response = await fetch(`${url}/?${kind}`);
        const body = Buffer.from(await response.arrayBuffer());
        found.push([
          response.headers.get("content-type"),
          body.toString("latin1"),
        ]);
      }
      const bodies = { a: "whole", b: "\xff\0", s: "in two" };
      expect(found).to.deep.equal(
        kinds.map((kind) => [
          `text/${kind}`,
          bodies[kind[0] as keyof typeof bodies],
        ]),
      );
    });

    it("have no use for the head of a reply that could not be sent", async () => {
      const server = await serve("failsToSend");
      server.expectLog(/failed/);
      expect((await fetch(server.url)).status).to.equal(500);
      for (const _ of [1, 2]) {
        const response = await fetch(server.url);
        expect(response.headers.get("content-type")).to.equal("text/late");
      }
    });

    it("hear nothing of what is said about one that is over", async () => {
      const server = await serve("notesTooLate");
      const replies = Array.from({ length: 20 }, () => fetch(server.url));
      for (const reply of replies) await (await reply).text();
      await server.loop.close();
      expect(notes(server)).to.deep.equal([]);
    });

    it("are all answered when their thread does not begin them for long", async () => {
      const { url } = await serve("blocksLater");
      await fetch(url);
      const replies = Array.from({ length: 20 }, () => fetch(url));
      for (const reply of replies) expect((await reply).status).to.equal(200);
    });
  });

  describe("A thread that ends in the middle of a request", () => {
    const dies = (title: string, name: string, message: RegExp, options = {}) =>
      it(`${title}: 500 for that request, one line in the log, and another thread`, async () => {
        const server = await serve(name, options);
        server.expectLog(message);
        for (const _ of [1, 2]) {
          const response = await fetch(server.url);
          expect(response.status).to.equal(500);
          expect(await response.text()).to.equal("something went wrong here\n");
        }
        const errors = server.log.filter(({ level }) => level >= 40);
        expect(errors).to.have.length(2);
        expect(errors[0]!.err!.type).to.equal("ThreadLostError");
      });

    dies("by process.exit", "exits", /called process\.exit\(3\)/);
    dies("for want of memory", "grows", /reaching memory limit/, {
      maxHeapMb: 16,
    });

    it("is replaced after a while that doubles where none has served, however many wait", async () => {
      const server = await serve("exits");
      server.expectLog(/process\.exit\(3\)/);
      const waits = timers(200);
      await Promise.all([1, 2, 3].map(() => fetch(server.url)));
      expect(await waits).to.include.members([50, 100, 200]);
    });

    it("takes no other request along", async () => {
      const server = await serve("exitsWhenAsked", { threads: 2 });
      server.expectLog(/process\.exit\(3\)/);
      const statuses = await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const query = i % 20 === 10 ? "exit" : "";
          return (await fetch(`${server.url}?${query}`)).status;
        }),
      );
      const lost = statuses.filter((status) => status === 500);
      expect(lost).to.have.length(5);
      expect(statuses.filter((status) => status === 200)).to.have.length(95);
    });
  });

  describe("A thread that still loads its application", () => {
    let loading: Loading;
    beforeEach(() => (loading = new Loading()));
    afterEach(() => loading.close());

    /** Two threads, of which one sleeps in a request, and the other one was lost and is about to be replaced. */
    const withOneLost = async (
      provide: Provided,
      rest: Partial<ThreadedApp> = {},
    ): Promise<[server: TestServer, sleeper: RawClient]> => {
      const options = { threads: 2, provide, ...rest };
      const starting = serveWith(
        (loop) => loop.mount(threaded("late", "byPath", options)),
        { accessLog: true },
      );
      for (const _ of [1, 2]) loading.letOn(await loading.begun());
      const server = await starting;
      const sleeper = await begun(server, "GET /waits");
      server.expectLog(/process\.exit\(3\)/);
      await fetch(`${server.url}/exits`);
      return [server, sleeper];
    };

    it("gets no request before it is ready", async () => {
      const { opened: awake, open: wake } = new Gate();
      const [server] = await withOneLost({ forever: () => awake });
      await loading.begun();
      const client = await RawClient.connect(server.port);
      client.request("GET /hello");
      await reached(server, "/hello");
      wake();
      await client.until(/hello/); // of the thread that slept
    });

    it("is free once, whoever left meanwhile, and so is gone when it has ended", async () => {
      const [server, sleeper] = await withOneLost(FOREVER);
      const thread = await loading.begun();
      const client = await RawClient.connect(server.port);
      client.request("GET /left");
      await reached(server, "/left");
      client.abort();
      await ended(server, "abort");
      loading.letOn(thread);
      server.expectLog(/a thread has ended/);
      await fetch(`${server.url}/fails-later`);
      await server.logged(({ msg }) => /a thread has ended/.test(msg ?? ""));
      const next = fetch(`${server.url}/hello`);
      loading.letOn(await loading.begun());
      expect((await next).status).to.equal(200);
      sleeper.abort();
    });

    it("for longer than startTimeoutMs is ended, named in the log and replaced, and no other is", async () => {
      const { opened: awake, open: wake } = new Gate();
      const [server, sleeper] = await withOneLost(
        { forever: () => awake },
        { startTimeoutMs: 1000 },
      );
      server.expectLog(/a thread has ended; .* has not ended after 1000 ms/);
      await loading.begun();
      loading.letOn(await loading.begun());
      await server.logged(({ msg }) => /a thread has ended/.test(msg ?? ""));
      expect((await fetch(`${server.url}/hello`)).status).to.equal(200);
      wake();
      await sleeper.until(/ 200 OK/);
    });
  });

  describe("A thread that ends between requests", () => {
    it("is named in the log and replaced", async () => {
      const server = await serve("failsLater");
      server.expectLog(/a thread has ended; .* ended by an error: on purpose/);
      const first = await (await fetch(server.url)).json();
      await server.logged(({ msg }) => /a thread has ended/.test(msg ?? ""));
      const second = await (await fetch(server.url)).json();
      expect(second).to.not.equal(first);
      await server.logged(
        () =>
          server.log.filter(({ msg }) => /has ended/.test(msg ?? "")).length ===
          2,
      );
    });
  });

  describe("threadTimeoutMs", () => {
    it("answers 503, replaces the thread, and leaves the others alone", async () => {
      const server = await serve("spins", {
        threadTimeoutMs: 20,
        abortGraceMs: 0,
      });
      server.expectLog(/not heard of for 20 ms/, /went on for 0 ms/);
      for (const _ of [1, 2]) {
        const response = await fetch(server.url);
        expect(response.status).to.equal(503);
        expect(await response.text()).to.equal("something went wrong here\n");
      }
      expect(server.accessLines[0]).to.include({ outcome: "timeout" });
    });

    const keepers: [title: string, name: string, more: Partial<ThreadedApp>][] =
      [
        [
          "that something else than its request keeps, and another one serves that",
          "spinsLater",
          {},
        ],
        [
          "that was told to end and does not",
          "spinsAtItsEnd",
          { maxRequestsPerThread: 1 },
        ],
      ];
    for (const [title, name, more] of keepers)
      it(`replaces a thread ${title}`, async () => {
        const options = { threadTimeoutMs: 100, ...more };
        const server = await serve(name, options, {}, { stuckMs: 300 });
        server.expectLog(/has ended; .* event loop for 300 ms between/);
        const first = await (await fetch(server.url)).json();
        const second = await fetch(server.url);
        expect(second.status).to.equal(200);
        expect(await second.json()).to.not.equal(first);
      });

    it("lets a wait end with an error first", async () => {
      const server = await serve("waits", {
        threadTimeoutMs: 20,
        provide: FOREVER,
      });
      server.expectLog(/not heard of for 20 ms/);
      expect((await fetch(server.url)).status).to.equal(503);
      await noted(server, "threw HaltedError");
    });

    it("cuts a stream whose head is out", async () => {
      const server = await serve("ticks", {
        threadTimeoutMs: 250,
        provide: FOREVER,
      });
      server.expectLog(/not heard of for 250 ms/);
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").untilClosed();
      expect(received).to.match(/tick/).and.not.include("\r\n0\r\n\r\n");
      await ended(server, "timeout");
    });

    it("does not count the time for which the client keeps a read waiting", async () => {
      const server = await serve("reads", {
        threadTimeoutMs: 100,
        streamBodies: true,
      });
      const client = await RawClient.connect(server.port);
      client.request("POST /", ["content-length: 4"], "ha");
      await noted(server, "begun");
      await new Promise((resolve) => setTimeout(resolve, 250)); // more than twice the limit
      client.send("lf");
      await client.until(/^HTTP\/1.1 200 /);
    });
  });

  describe("maxQueuedRequests", () => {
    it("sheds what does not fit in line: 503, retry-after", async () => {
      const server = await serve("waits", {
        maxQueuedRequests: 0,
        provide: FOREVER,
      });
      server.expectLog(/all threads are busy/);
      const client = await begun(server);
      const response = await fetch(server.url);
      expect(response.status).to.equal(503);
      expect(response.headers.get("retry-after")).to.equal("1");
      await ended(server, "shed");
      client.abort();
    });
  });

  describe("maxRequestsPerThread", () => {
    it("has a thread replaced by a fresh one, and no request fails", async () => {
      const { url } = await serve("thread", { maxRequestsPerThread: 2 });
      const ids: unknown[] = [];
      for (let i = 0; i < 6; i++) ids.push(await (await fetch(url)).json());
      expect(new Set(ids).size).to.equal(3);
      expect([ids[0], ids[2], ids[4]]).to.deep.equal([ids[1], ids[3], ids[5]]);
    });

    it("lets a thread serve one request, whatever the jitter takes off", async () => {
      const { url } = await serve("thread", {
        maxRequestsPerThread: 2,
        maxRequestsJitter: 1_000_000_000,
      });
      const replies = Array.from({ length: 4 }, () => fetch(url));
      for (const reply of replies) expect((await reply).status).to.equal(200);
    });
  });

  describe("Requests that sleep do not keep others waiting:", () => {
    const OPTIONS = { provide: FOREVER, streamBodies: true };
    const asleep = (
      title: string,
      line: string,
      until: (server: TestServer, client: RawClient) => Promise<unknown>,
    ): unknown =>
      it(title, async () => {
        const app = threaded("blocking", "byPath", OPTIONS, { patienceMs: 10 });
        const server = await serveWith((loop) => loop.mount(app), {
          accessLog: true,
        });
        const client = await RawClient.connect(server.port);
        client.socket.pause();
        if (line.startsWith("GET")) client.request(line);
        else client.request(line, ["content-length: 10"], "half");
        await until(server, client);
        const response = await fetch(`${server.url}/hello`, {
          headers: { connection: "close" },
        });
        expect(await response.json()).to.equal("hello");
        client.abort();
        await ended(server, "abort");
      });

    asleep("in wait", "POST /waits", (server) => noted(server, "begun"));
    asleep("in a stream that waits", "POST /ticks", (_, client) => {
      client.socket.resume();
      return client.until(/tick/);
    });
    asleep(
      "for a client that does not take a stream",
      "GET /streams",
      (server) => noted(server, "begun"),
    );
    asleep("for a client that does not send", "POST /reads", (server) =>
      noted(server, "begun"),
    );

    it("stand-ins end when they are not needed any more", async () => {
      const app = threaded("blocking", "byPath", OPTIONS, { patienceMs: 10 });
      const server = await serveWith((loop) => loop.mount(app));
      const client = await begun(server, "GET /waits");
      await fetch(`${server.url}/hello`);
      expect(threadsOf(server)).to.equal(2);
      client.abort();
      await noted(server, "threw ClientAbortedError");
      while (threadsOf(server) > 1) await fetch(`${server.url}/hello`);
    });
  });

  describe("A stream that its client does not take", () => {
    it("is not continued with streamBodies, and goes on when the client does", async function () {
      const server = await serve("counted", { streamBodies: true });
      const client = await RawClient.connect(server.port);
      client.socket.pause();
      client.request("GET /");
      await noted(server, "1");
      let last = -1;
      while (last !== notes(server).length) {
        last = notes(server).length;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(last).to.be.within(1, 400);
      client.socket.removeAllListeners("data").resume();
      await ended(server, "ok");
      expect(notes(server)).to.have.length(800);
      client.abort();
    });
  });

  describe("A thread's console", () => {
    const { write } = process.stdout;
    const texts = new Set<string>();
    let noticed: (() => void) | undefined;
    beforeEach(() => {
      texts.clear();
      process.stdout.write = (text: string) => {
        if (!text.startsWith("printed "))
          return write.call(process.stdout, text);
        texts.add(text);
        noticed?.();
        return true;
      };
    });
    afterEach(() => void (process.stdout.write = write));

    const printed = async (what: string): Promise<void> => {
      while (!texts.has(`printed ${what}\n`))
        await new Promise<void>((resolve) => (noticed = resolve));
    };

    it("prints on the loop", async () => {
      const { url } = await serve("prints");
      await fetch(url);
      await printed("5");
    });

    it("prints there also while no request runs", async () => {
      const { url } = await serveWith((loop) =>
        loop.mount(threaded("talking", "app")),
      );
      await printed("while it loads");
      await fetch(url);
      await printed("in a promise");
      await printed("in a timer");
    });
  });

  describe("The drain of threads", () => {
    it("lets a request finish, then ends them", async () => {
      let release!: () => void;
      const forever = new Promise<void>((resolve) => (release = resolve));
      const server = await serve("waits", {
        provide: { forever: () => forever },
      });
      const client = await begun(server);
      const closed = server.loop.close();
      release();
      await client.until(/^HTTP\/1.1 200 /);
      expect((await closed).tally).to.include({ ok: 1 });
      expect(server.loop.tasks().resources).to.deep.equal([]);
    });

    it("halts what takes too long: the application cleans up", async () => {
      const server = await serve("streams", {}, { drainTimeoutMs: 0 });
      server.expectLog(/had to be halted/);
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      await client.until(/tick/);
      const report = await server.loop.close();
      expect(report.tally).to.include({ accepted: 1, drain: 1 });
      expect(notes(server)).to.deep.equal(["begun", "finally", "closed"]);
    });

    it("does not wait for one that computes longer than abortGraceMs", async () => {
      const server = await serve(
        "spins",
        { abortGraceMs: 10 },
        { drainTimeoutMs: 0 },
      );
      server.expectLog(/had to be halted/, /went on for 10 ms/);
      await begun(server);
      expect((await server.loop.close()).tally).to.include({ drain: 1 });
    });
  });

  describe("A request that was given to a thread that has just ended", () => {
    it("goes to another thread", async () => {
      const server = await serve("failsLater", { threads: 1 });
      server.expectLog(/a thread has ended/);
      for (let i = 0; i < 10; i++)
        expect((await fetch(server.url)).status).to.equal(200);
    });
  });
});
