/** Each sample is started as a user would start it, and asked what its first lines say. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { missingModules, PYTHON } from "../support/python.ts";
import { UWSGI_MISSING } from "../support/programs.ts";
import { ROOT } from "../support/root.ts";
import { startServer } from "../support/server-process.ts";
import { SocketClient } from "../support/web-socket.ts";

interface Line {
  level: number;
  msg: string;
  outcome?: string;
  address?: { url: string };
}

/** A sample's process on a free port, and its log. */
class Sample {
  readonly lines: Line[] = [];
  url = "";
  readonly #process: ChildProcess;
  #waiting: (() => void)[] = [];

  /** `variables`: of its environment. */
  constructor(name: string, variables: Record<string, string>) {
    const file = join(ROOT, `dist/samples/${name}.js`);
    const env = { ...process.env, PORT: "0", ...variables };
    this.#process = spawn(process.execPath, [file], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    createInterface(this.#process.stdout!).on("line", (line) => {
      this.lines.push(JSON.parse(line) as Line);
      for (const look of this.#waiting.splice(0)) look();
    });
  }

  async started(): Promise<void> {
    this.url = (
      await this.logged(
        ({ address }) => address?.url.startsWith("http") === true,
      )
    ).address!.url;
  }

  async logged(matches: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const line = this.lines.find(matches);
      if (line) return line;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async get(path: string, init?: RequestInit): Promise<Response> {
    return await fetch(this.url + path, init);
  }

  async text(path: string): Promise<string> {
    return await (await this.get(path)).text();
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, "exit");
    this.#process.kill();
    await gone;
  }
}

describe("The sample", () => {
  let sample: Sample;

  function describeSample(
    name: string,
    body: () => void,
    variables: Record<string, string> = {},
  ): void {
    describe(name, () => {
      before(async () => {
        const PATH = `${dirname(PYTHON)}:${process.env["PATH"]}`;
        sample = new Sample(name, { PATH, ...variables });
        await sample.started();
      });
      after(() => sample.stop());
      body();
    });
  }

  describeSample("hello", () => {
    it("says hello, and where it listens", async () => {
      expect(await sample.text("/")).to.equal("Hello, World!\n");
      const said = sample.lines.find(({ level }) => level === 30);
      expect(said!.msg).to.match(/^listening on http:\/\/localhost:\d+$/);
    });
  });

  describeSample("async-service", () => {
    it("creates, finds, lists and removes", async () => {
      const body = JSON.stringify({ title: "buy milk" });
      const created = await sample.get("/todos", { method: "POST", body });
      expect(created.status).to.equal(201);
      expect(created.headers.get("location")).to.equal("/todos/1");
      expect(await sample.text("/todos/1")).to.equal(
        '{"id":1,"title":"buy milk"}',
      );
      expect(await sample.text("/todos")).to.equal(
        '[{"id":1,"title":"buy milk"}]',
      );
      expect(
        (await sample.get("/todos/1", { method: "DELETE" })).status,
      ).to.equal(204);
      expect((await sample.get("/todos/1")).status).to.equal(404);
    });

    it("refuses what is wrong", async () => {
      const post = async (body: string) =>
        (await sample.get("/todos", { method: "POST", body })).status;
      expect(await post("{}")).to.equal(422);
      expect(await post("{")).to.equal(400);
      expect(
        await post(JSON.stringify({ title: "x".repeat(2_000_000) })),
      ).to.equal(413);
      expect(
        (await sample.get("/todos", { method: "PUT" })).headers.get("allow"),
      ).to.equal("GET, HEAD, POST");
    });
  });

  describeSample("chat", () => {
    it("has a page, and tells a room what it has heard", async () => {
      expect(await sample.text("/kitchen")).to.include("new WebSocket(target)");
      expect((await sample.get("/rooms/kitchen")).status).to.equal(426);
      const port = Number(new URL(sample.url).port);
      const one = await SocketClient.open(port, "/rooms/kitchen");
      one.send("tea?");
      expect(await one.messages(1)).to.deep.equal(["tea?"]);
      const two = await SocketClient.open(port, "/rooms/kitchen");
      expect(await two.messages(1)).to.deep.equal(["tea?"]);
      two.send("with milk");
      expect(await one.messages(2)).to.deep.equal(["tea?", "with milk"]);
    });
  });

  describeSample("ticker", () => {
    it("has a page, and sends prices", async () => {
      expect(await sample.text("/")).to.include("new WebSocket(target)");
      const port = Number(new URL(sample.url).port);
      const client = await SocketClient.open(port, "/prices");
      const [first] = await client.messages(2);
      expect(JSON.parse(String(first))).to.have.keys("price");
    });
  });

  describeSample("tasks", () => {
    it("does two things at once, and takes the fastest of two", async () => {
      expect(await sample.text("/both")).to.equal(
        '["a took 30 ms","b took 20 ms"]',
      );
      expect(await sample.text("/fastest")).to.equal("hare took 10 ms");
    });

    it("gives up in time", async () => {
      const response = await sample.get("/impatient");
      expect(response.status).to.equal(504);
      expect(await response.text()).to.equal("no answer within 50 ms\n");
    });

    it("cleans up when the client leaves", async () => {
      await sample
        .get("/forever", { signal: AbortSignal.timeout(100) })
        .catch(() => "left");
      await sample.logged(({ msg }) => msg === "cleaned up");
      await sample.logged(({ outcome }) => outcome === "abort");
    });
  });

  describeSample("streaming", () => {
    it("sends the time until the client leaves", async () => {
      const response = await sample.get("/clock");
      const reader = response.body!.getReader();
      const { value } = await reader.read();
      expect(Buffer.from(value!).toString()).to.match(
        /^data: \d{4}-\d\d-\d\dT.*Z\n\n$/,
      );
      await reader.cancel();
    });

    it("generates a million lines", async () => {
      const lines = (await sample.text("/numbers")).trimEnd().split("\n");
      expect(lines).to.have.length(1_000_000);
      expect(lines.at(-1)).to.equal("1000000");
    });

    it("hashes an upload", async () => {
      const body = Buffer.alloc(3_000_000, "eddy");
      const response = await sample.get("/sha256", { method: "PUT", body });
      expect(await response.text()).to.equal(
        `${createHash("sha256").update(body).digest("hex")}\n`,
      );
    });
  });

  describeSample("files", () => {
    it("serves a page and what it needs, and the page again for its own paths", async () => {
      const page = await sample.text("/");
      expect(page).to.include('<script src="/assets/app-3f9a2c.js"');
      expect(await sample.text("/orders/7")).to.equal(page);
      const script = await sample.get("/assets/app-3f9a2c.js");
      expect(script.headers.get("cache-control")).to.equal(
        "max-age=31536000, immutable",
      );
      expect((await sample.get("/assets/old.js")).status).to.equal(404);
      const part = await sample.get("/", { headers: { range: "bytes=0-14" } });
      expect([part.status, await part.text()]).to.deep.equal([
        206,
        "<!doctype html>",
      ]);
      expect(await sample.text("/api/time")).to.match(/^\d{4}-/);
    });
  });

  describeSample("events", () => {
    it("counts on from where a client was, and tells all what one says", async () => {
      const headers = { "last-event-id": "41" };
      const response = await sample.get("/ticks", { headers });
      const reader = response
        .body!.pipeThrough(new TextDecoderStream())
        .getReader();
      let text = "";
      const until = async (end: string): Promise<void> => {
        while (!text.endsWith(end)) text += (await reader.read()).value;
      };
      await until('event: tick\ndata: {"n":42}\n\n');
      expect(text).to.match(/^retry: 2000\n\nid: 42\n/);
      const said = await sample.get("/say", { method: "POST", body: "hello" });
      expect(await said.text()).to.equal("1 have heard it\n");
      await until("event: said\ndata: hello\n\n");
      await reader.cancel();
    });
  });

  describeSample("wsgi", () => {
    it("serves WSGI-style applications in layers beside an async handler", async () => {
      const hello = await sample.get("/hello/World");
      expect(hello.headers.get("server-timing")).to.be.a("string");
      expect(await hello.text()).to.equal("Hello, World, says a stranger.\n");
      const table = await sample.get("/table");
      expect(table.headers.get("content-encoding")).to.equal("gzip");
      expect((await table.text()).split("\n")[9]).to.equal("10\t100\t1000");
      expect(await sample.text("/slow")).to.equal("That took a second.\n");
    });

    it("asks for a password", async () => {
      expect((await sample.get("/admin")).status).to.equal(401);
      const authorization = `Basic ${btoa("admin:secret")}`;
      const admin = await sample.get("/admin", { headers: { authorization } });
      expect(await admin.text()).to.equal("Hello, World, says admin.\n");
    });
  });

  describeSample("hono", () => {
    it("serves a Hono application beside a handler", async () => {
      expect(await sample.text("/api/orders/7")).to.equal(
        '{"id":"7","currency":"EUR"}',
      );
      expect(await sample.text("/")).to.equal("The API is at /api.\n");
      expect((await sample.get("/api/none")).status).to.equal(404);
      const bad = await sample.get("/api/orders", {
        method: "POST",
        body: "{",
      });
      expect(bad.status).to.equal(400);
    });

    it("goes on behind the reply", async () => {
      const body = '{"item":"tea"}';
      const made = await sample.get("/api/orders", { method: "POST", body });
      expect([made.status, await made.text()]).to.deep.equal([201, body]);
      await sample.logged(({ msg }) => msg === "tea is billed");
    });

    it("streams events, until the client leaves", async () => {
      const { body } = await sample.get("/api/ticks");
      for await (const chunk of body!) {
        expect(Buffer.from(chunk).toString()).to.match(/^event: tick$/m);
        break; // which leaves
      }
      await sample.logged(({ outcome }) => outcome === "abort");
    });
  });

  describeSample("express", () => {
    it("serves Express and the loop's own on one port", async () => {
      expect(await sample.text("/hello/World")).to.equal("Hello, World!\n");
      expect(await sample.text("/native")).to.equal("Hello from the loop!\n");
      expect(await sample.text("/hello.ts")).to.match(/^\/\/ The smallest/);
      const headers = { "content-type": "application/json" };
      const init = { method: "POST", body: '{"a":1}', headers };
      expect(await (await sample.get("/echo", init)).text()).to.equal(
        '{"youSent":{"a":1}}',
      );
    });

    it("sends the time until the client leaves", async () => {
      const reader = (await sample.get("/clock")).body!.getReader();
      const { value } = await reader.read();
      expect(Buffer.from(value!).toString()).to.match(/^data: \d{4}-/);
      await reader.cancel();
      await sample.logged(({ msg }) => msg === "the clock stops");
    });
  });

  describeSample("blocking", () => {
    it("computes and reads files in threads, and leaves the loop alone", async () => {
      const primes = sample.text("/sync/primes?5000000");
      expect(await sample.text("/")).to.equal("The loop is free.\n");
      expect(await primes).to.equal("348513 primes up to 5000000\n");
      const file = await sample.text("/sync/file?package.json");
      expect(file).to.match(/"name": "eddy"/);
      expect((await sample.get("/sync/x")).status).to.equal(404);
    });
  });

  const withoutFlask = missingModules("flask");
  if (withoutFlask !== undefined)
    it.skip(`flask: ${withoutFlask} (Debian: python3-flask)`);
  else
    describeSample("flask", () => {
      it("serves Flask and TypeScript on one port", async function () {
        this.timeout(60_000); // a million lines, made by Python
        expect(await sample.text("/")).to.equal("Hello, World!\n");
        expect(await sample.text("/native")).to.equal("Hello from the loop!\n");
        const lines = (await sample.text("/numbers")).trimEnd().split("\n");
        expect(lines).to.have.length(1_000_000);
        expect(lines.at(-1)).to.equal("1000000");
        const body = Buffer.alloc(3_000_000);
        const response = await sample.get("/upload", { method: "POST", body });
        expect(await response.text()).to.equal("3000000 bytes\n");
      });
    });

  const withoutFastApi = missingModules("fastapi");
  if (withoutFastApi !== undefined)
    it.skip(`fastapi: ${withoutFastApi} (Debian: python3-fastapi)`);
  else
    describeSample("fastapi", () => {
      it("serves FastAPI, its WebSockets and TypeScript on one port", async () => {
        const add = (name: unknown): Promise<Response> =>
          sample.get("/guests", {
            method: "POST",
            body: JSON.stringify({ name }),
            headers: { "content-type": "application/json" },
          });
        expect((await add("Bob")).status).to.equal(201);
        expect((await add(null)).status).to.equal(422);
        expect(await sample.text("/guests")).to.equal('["Ada","Bob"]');
        expect(await sample.text("/numbers")).to.match(/\n1000\n$/);
        expect(await sample.text("/native")).to.equal("Hello from the loop!\n");
        const port = Number(new URL(sample.url).port);
        const client = await SocketClient.open(port, "/chat");
        client.send("Ada");
        expect(await client.messages(1)).to.deep.equal(["Hello, Ada!"]);
      });
    });

  describeSample("gevent-style", () => {
    it("waits for one, and for many at once", async () => {
      expect(await sample.text("/one/Ada")).to.equal("Hello, Ada!\n");
      const lines = (await sample.text("/all")).trimEnd().split("\n");
      expect(lines).to.have.length(10);
      expect(lines[9]).to.equal("Hello, friend 9!");
    });

    it("halts what it waits for when the client leaves", async () => {
      await sample
        .get("/slow", { signal: AbortSignal.timeout(100) })
        .catch(() => "left");
      await sample.logged(({ msg }) => msg === "cleaned up");
    });
  });

  const folder = mkdtempSync(join(tmpdir(), "eddy-sample-"));
  after(() => rmSync(folder, { recursive: true }));

  describeSample(
    "uwsgi",
    () => {
      it("serves its own beside uWSGI's, and says 502 without uWSGI", async function () {
        expect(await sample.text("/new/Ada")).to.equal("Hello, Ada.\n");
        expect((await sample.get("/old")).status).to.equal(502);
        if (UWSGI_MISSING !== undefined) return;
        const app = join(ROOT, "samples/uwsgi/app.py");
        await startServer(join(folder, "up"), "uwsgi", [
          ..."--plugin python3 --master --wsgi-file".split(" "),
          app,
          "--socket",
          join(folder, "up"),
        ]);
        expect(await sample.text("/old/Ada")).to.equal(
          "Hello, Ada, from Python for 127.0.0.1.\n",
        );
      });
    },
    {
      UPSTREAM: `unix:${join(folder, "up")}`,
      FRONT: `unix:${join(folder, "front")}`,
    },
  );
});
