import { expect } from "chai";
import { wsgi } from "../../adapters/wsgi.ts";
import type { ThreadedApp } from "../../adapters/wsgi/threads/options.ts";
import { wait } from "../../adapters/wsgi/wait.ts";
import { Loop, ThreadStartError } from "../../lib/index.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith } from "../support/server.ts";
import { shareServer } from "../support/shared-server.ts";
import { threaded } from "../support/threads.ts";
import { describeAdapter } from "./contract.ts";
import { VALID } from "./wsgi/apps/valid.ts";

/** Threads have to start, on a machine that may be busy. */
const PATIENCE_MS = 30_000;

describe("WSGI in threads:", function () {
  this.timeout(PATIENCE_MS);

  describe("the contract", () => {
    describeAdapter(
      "wsgi in threads",
      (behaviour) => threaded("contract", behaviour),
      { shared: true },
    );
    describeAdapter(
      "wsgi in threads with validator",
      (behaviour) =>
        threaded(
          "contract",
          `valid${behaviour[0]!.toUpperCase()}${behaviour.slice(1)}`,
        ),
      { shared: true },
    );
  });

  describe("wsgi validator finds nothing wrong with threads", () => {
    const server = shareServer((loop) =>
      loop.mount("/app", threaded("valid", "byTitle")),
    );
    for (const [title, { body, init }] of Object.entries(VALID))
      it(title, async () => {
        const { url } = server();
        const headers = { "x-title": title };
        const request = { ...init, headers };
        const response = await fetch(`${url}/app/%FF?q=%FF`, request);
        expect(await response.text()).to.equal(body);
      });
  });

  describe("an application", () => {
    const fails = (
      title: string,
      file: string,
      name: string,
      message: RegExp,
      options: Partial<ThreadedApp> = {},
    ) =>
      it(title, async () => {
        const loop = new Loop({ log: false }).mount(
          threaded(file, name, options),
        );
        const failure = await loop.listen(0).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(failure).to.be.instanceOf(ThreadStartError);
        expect((failure as Error).message).to.match(message);
        expect(loop.tasks().resources).to.deep.equal([]);
        await loop.close();
      });

    describe("keeps the loop from listening when", () => {
      fails(
        "its module is missing",
        "missing",
        "app",
        /cannot load .*apps\/missing\.js: .*Cannot find module/,
      );
      fails(
        "its module fails",
        "broken",
        "app",
        /cannot load .*apps\/broken\.js: RangeError: on purpose/,
      );
      fails(
        "its module ends the thread",
        "leaving",
        "app",
        /cannot load .*apps\/leaving\.js: its import called process\.exit\(7\)/,
      );
      fails(
        "its module waits for what never comes",
        "never",
        "app",
        /cannot load .*apps\/never\.js: an `await` at its top level waits/,
      );
      fails(
        "its module takes too long",
        "stuck",
        "app",
        /cannot load .*apps\/stuck\.js: its import has not ended after 300 ms \(startTimeoutMs\)/,
        { startTimeoutMs: 300 },
      );
      fails(
        "its module does not export it",
        "valid",
        "app",
        /apps\/valid\.js has no export "app"; it exports VALID, byTitle/,
      );
      fails(
        "it is no function",
        "blocking",
        "notAnApplication",
        /export "notAnApplication" of .*apps\/blocking\.js is not a function/,
      );
    });

    describe("is refused with", () => {
      const refused = (title: string, options: object, message: RegExp) =>
        it(title, () => {
          expect(() => wsgi(options as never)).to.throw(message);
        });
      const module = "./app.js";
      refused("no module", {}, /takes an application or \{ module \}/);
      refused("an unknown option", { module, thread: 1 }, /no option "thread"/);
      refused("half a thread", { module, threads: 0.5 }, /whole number/);
      refused("no thread", { module, threads: 0 }, /whole number from 1 up/);
      refused("a time below zero", { module, abortGraceMs: -1 }, /from 0 up/);
      refused(
        "what is no function",
        { module, provide: { a: 1 } },
        /functions/,
      );
    });

    it("sees the same request as on the loop", async () => {
      const { url } = await serveWith((loop) =>
        loop.mount("/a", threaded("blocking", "looks")),
      );
      const init = { headers: { "x-sent": "sent" } };
      const response = await fetch(`${url}/a/b%20c?d=%20`, init);
      const seen = ["GET", "/b%20c", "d=%20", "sent"];
      expect(await response.json()).to.deep.equal(seen);
    });

    it("is told what of the request is not to be had", async () => {
      const server = await serveWith((loop) =>
        loop.mount(threaded("blocking", "asksForMore")),
      );
      server.expectLog(/request\.signal is not available in a thread/);
      expect((await fetch(server.url)).status).to.equal(500);
    });

    it("is one of many only where there are many", async () => {
      const { url } = await serveWith((loop) =>
        loop
          .mount("/one", threaded("blocking", "multiprocess"))
          .mount("/two", threaded("blocking", "multiprocess", { threads: 2 })),
      );
      const one = await (await fetch(`${url}/one`)).json();
      const two = await (await fetch(`${url}/two`)).json();
      expect([one, two]).to.deep.equal([
        [false, false],
        [false, true],
      ]);
    });

    it("answers with an HttpError as it does on the loop", async () => {
      const { url } = await serveWith((loop) =>
        loop.mount(threaded("blocking", "refuses")),
      );
      const response = await fetch(url);
      expect(response.status).to.equal(418);
      expect(response.headers.get("x-kind")).to.equal("tea");
      expect(await response.text()).to.equal("short and stout\n");
    });

    it("may throw what is no error", async () => {
      const server = await serveWith((loop) =>
        loop.mount(threaded("blocking", "throwsOddly")),
      );
      server.expectLog(/thrown: \{ odd: true \}/);
      expect((await fetch(server.url)).status).to.equal(500);
    });

    it("has one set of threads when it is mounted twice", async () => {
      const app = threaded("blocking", "thread");
      const { url } = await serveWith((loop) =>
        loop.mount("/a", app).mount("/b", app),
      );
      const ids = ["a", "b"].map(
        async (path) => await (await fetch(`${url}/${path}`)).text(),
      );
      const [a, b] = await Promise.all(ids);
      expect(a).to.equal(b);
    });

    it("belongs to one loop", async () => {
      const app = threaded("blocking", "hello");
      await serveWith((loop) => loop.mount(app));
      const other = new Loop({ log: false }).mount(app);
      const failure = await other.listen(0).then(String, String);
      expect(failure).to.match(/belong to another loop/);
      await other.close();
    });
  });

  describe("wsgi.input in a thread", () => {
    it("gives what has come with streamBodies while the rest is on its way", async () => {
      const options = { streamBodies: true };
      const { port } = await serveWith((loop) =>
        loop.mount(threaded("blocking", "echoesAsItComes", options)),
      );
      const client = await RawClient.connect(port);
      client.request("POST /", ["content-length: 12"], "one\n");
      await client.until(/one\n/);
      client.send("two\n");
      await client.until(/two\n/);
      client.send("end\n");
      await client.until(/end\n\r\n0\r\n/);
    });

    it("does not take a thread before the body begins", async () => {
      const { port, url } = await serveWith((loop) =>
        loop.mount(threaded("blocking", "hashes")),
      );
      const client = await RawClient.connect(port);
      client.request("POST /", ["content-length: 5"]);
      expect((await fetch(url)).status).to.equal(200);
      client.send("abcde");
      await client.until(/"bytes":5/);
    });

    it("has all of a large body", async () => {
      const { url } = await serveWith((loop) =>
        loop.mount("/", threaded("blocking", "hashes"), {
          maxBodyBytes: Infinity,
        }),
      );
      const body = Buffer.alloc(20_000_000);
      for (let i = 0; i < body.length; i++) body[i] = i >> 8;
      let sum = 0;
      for (let i = 0; i < body.length; i += 65_536) {
        const end = Math.min(i + 65_536, body.length) - 1;
        sum = (sum + body[i]! + body[end]!) % 65_521;
      }
      const response = await fetch(url, { method: "POST", body });
      expect(await response.json()).to.deep.equal({ bytes: body.length, sum });
    });

    it("throws when the body grows too large: 413", async () => {
      const { port } = await serveWith((loop) =>
        loop.mount("/", threaded("blocking", "hashes"), { maxBodyBytes: 5 }),
      );
      const client = await RawClient.connect(port);
      client.request("POST /", ["transfer-encoding: chunked"], "3\r\nabc\r\n");
      client.send("3\r\ndef\r\n0\r\n\r\n");
      await client.until(/^HTTP\/1.1 413 /);
    });
  });

  describe("wait()", () => {
    it("is refused on the loop", () => {
      expect(() => wait.sleep(1)).to.throw(/mount the application in threads/);
    });
  });
});
