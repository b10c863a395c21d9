/** Clients that are slow, at applications that have few threads. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import type { OpenApplication } from "../../lib/index.ts";
import { Gate } from "../support/gate.ts";
import { countSpills, noSpills, SPILLS_SHOW } from "../support/open-spills.ts";
import { needsPython, pythonApp } from "../support/python.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { threaded } from "../support/threads.ts";

/** Processes have to start, on a machine that may be busy. */
const PATIENCE_MS = 30_000;

const MB = 1_000_000;

interface World {
  readonly name: string;
  /** What its requests wait for, in the task tree. */
  readonly waitsFor: string;
  /** With so many threads that four requests take them all. */
  readonly app: (options?: { streamBodies?: boolean }) => OpenApplication;
  readonly needs?: (context: Mocha.Context) => void;
}

const WORLDS: World[] = [
  {
    name: "an application of Python",
    waitsFor: "a Python process of slow:app",
    app: (options) => pythonApp("slow:app", { threads: 4, ...options }),
    needs: needsPython,
  },
  {
    name: "an application in threads",
    waitsFor: "a thread",
    app: (options) => {
      const closed = new Gate();
      const provide = { close: closed.open, closed: () => closed.opened };
      return threaded("slow", "app", { threads: 2, provide, ...options }); // two have stand-ins
    },
  },
];

for (const { name, waitsFor, app, needs } of WORLDS)
  describe(`At ${name}`, function () {
    this.timeout(PATIENCE_MS);

    before(function () {
      needs?.(this);
    });

    let openSpills: () => number;
    beforeEach(() => (openSpills = countSpills()));

    const serve = (options?: { streamBodies?: boolean }): Promise<TestServer> =>
      serveWith((loop) => loop.get("/turn", () => "").mount(app(options)), {
        accessLog: true,
        maxBodyBytes: 4 * MB,
      });
    const hello = async ({ url }: TestServer): Promise<string> =>
      await (await fetch(`${url}/hello`)).text();

    /** A client that has sent half of a body, when this is done. */
    const begin = async (
      server: TestServer,
      head: string,
      half: string,
    ): Promise<RawClient> => {
      const client = await RawClient.connect(server.port);
      client.request("POST /upload", [head]).send(half);
      while (client.socket.writableLength > 0)
        await new Promise((resolve) => client.socket.once("drain", resolve));
      for (let i = 0; i < 3; i++) await fetch(`${server.url}/turn`); // the server has seen it by then
      return client;
    };

    const body = "0123456789".repeat(MB / 10);
    const half = body.slice(0, MB / 2);
    const rest = body.slice(MB / 2);

    it("four slow uploads of 1 MB keep no thread, and arrive whole", async () => {
      const server = await serve();
      const clients: RawClient[] = [];
      for (let i = 0; i < 4; i++)
        clients.push(await begin(server, `content-length: ${MB}`, half));
      expect(await hello(server)).to.equal("hello");
      for (const client of clients) client.send(rest);
      for (const client of clients)
        await client.until(RegExp(`${sha(body)} ${MB}$`));
    });

    it("the task tree says what a request waits for: its body, or who answers it", async () => {
      const server = await serve();
      const seen = (): unknown[] =>
        server.loop
          .tasks()
          .exchanges.map(({ name, waitsFor }) => [name, waitsFor]);
      const client = await begin(server, `content-length: ${MB}`, half);
      const upload = ["POST /upload", "the body of the request"];
      expect(seen()).to.deep.equal([upload]);
      const answer = fetch(`${server.url}/closed`);
      while (seen().length < 2) await setTimeout(5);
      expect(seen()).to.deep.include(["GET /closed", waitsFor]);
      client.abort();
      await (await fetch(`${server.url}/long?1`)).text(); // of which the end is waited for there
      expect((await answer).status).to.equal(200);
    });

    it("a slow upload in chunks arrives whole", async () => {
      const server = await serve();
      const chunk = (text: string): string =>
        `${text.length.toString(16)}\r\n${text}\r\n`;
      const head = "transfer-encoding: chunked";
      const client = await begin(server, head, chunk(half));
      client.send(chunk(rest)).send("0\r\n\r\n");
      await client.until(RegExp(`${sha(body)} `));
    });

    it("a client that leaves in the middle of its upload leaves nothing behind", async () => {
      const server = await serve();
      const head = `content-length: ${4 * MB}`;
      const client = await begin(server, head, body + body);
      if (SPILLS_SHOW) expect(openSpills()).to.equal(1);
      client.abort();
      const { path } = await server.logged(
        ({ outcome }) => outcome === "abort",
      );
      expect(path).to.equal("/upload");
      await noSpills(openSpills);
      expect(server.loop.tasks().exchanges).to.deep.equal([]);
      expect(await hello(server)).to.equal("hello");
    });

    const PIECES = 200; // 13 MB, more than sockets take
    /** A client that has the head of a reply, and takes no more of it than its socket does. */
    const read = async ({ url }: TestServer): Promise<IncomingMessage> => {
      const asked = get(`${url}/long?${PIECES}`, { agent: false });
      return ((await once(asked, "response")) as [IncomingMessage])[0];
    };

    it("one that leaves behind with the last pieces of a streamed reply leaves its thread to others", async () => {
      const server = await serve({ streamBodies: true });
      // how many pieces sockets take is the system's affair
      for (let pieces = 1; pieces < 120; pieces += 2) {
        const client = await RawClient.connect(server.port);
        client.socket.pause();
        client.request(`GET /long?${pieces}`);
        while (server.loop.tally.accepted < pieces) await setTimeout(1);
        await setTimeout(10); // the thread is done, or waits
        client.abort();
        expect(await hello(server)).to.equal("hello");
      }
    });

    it("four slow readers keep no thread, and get all of their replies", async () => {
      const server = await serve();
      const replies: IncomingMessage[] = [];
      for (let i = 0; i < 4; i++) replies.push(await read(server));
      expect(await hello(server)).to.equal("hello");
      const piece = Buffer.from(Array.from({ length: 65_536 }, (_, i) => i));
      const expected = sha(Buffer.alloc(PIECES * 65_536, piece));
      for (const reply of replies)
        expect(sha(await buffer(reply))).to.equal(expected);
      await noSpills(openSpills);
    });

    it("a client that leaves in the middle of its reply leaves nothing behind", async () => {
      const server = await serve();
      const reply = await read(server);
      await fetch(`${server.url}/closed`); // it is through, without its client
      if (SPILLS_SHOW) expect(openSpills()).to.equal(1);
      reply.destroy();
      const { path } = await server.logged(
        ({ outcome }) => outcome === "abort",
      );
      expect(path).to.equal("/long");
      await noSpills(openSpills);
      expect(await hello(server)).to.equal("hello");
    });

    it("a reply is made as its client takes it where streamBodies says so", async () => {
      const server = await serve({ streamBodies: true });
      const reply = await read(server);
      let closed = false;
      const closing = fetch(`${server.url}/closed`).then(() => (closed = true));
      await setTimeout(200);
      expect([closed, openSpills()]).to.deep.equal([false, 0]);
      reply.resume();
      await closing;
    });
  });

function sha(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
