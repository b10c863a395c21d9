import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { python } from "../../adapters/python.ts";
import { Loop, PythonStartError, UsageError } from "../../lib/index.ts";
import { folderWith } from "../support/folder.ts";
import { APPS, needsPython, PYTHON, pythonApp } from "../support/python.ts";
import { HAS_UWS } from "../support/native.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { shareServer } from "../support/shared-server.ts";
import { describeAdapter } from "./contract.ts";

/** Processes have to start, on a machine that may be busy. */
const PATIENCE_MS = 30_000;

describe("Python:", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  for (const [name, specOf] of [
    ["python", (behaviour) => behaviour],
    [
      "python with wsgiref.validate",
      ([first, ...rest]) => `valid${first!.toUpperCase()}${rest.join("")}`,
    ],
  ] as [string, (behaviour: string) => string][])
    describe("the contract", () => {
      describeAdapter(
        name,
        (behaviour) => pythonApp(`contract:${specOf(behaviour)}`),
        { shared: true },
      );
    });

  describe("an application", () => {
    const runs = (title: string, spec: string) =>
      it(`can be ${title}`, async () => {
        const { url } = await serveWith((loop) => loop.mount(pythonApp(spec)));
        expect(await (await fetch(url)).text()).to.equal("Hello, World!\n");
      });
    runs("a function of a module", "pep3333:hello");
    runs("what a factory makes", "pep3333:factory()");
    runs(
      "what one makes of arguments",
      'named.wsgi:make("Hello", who="World")',
    );
    runs("in a file that no import finds", "named.wsgi");
    runs("in a file of another folder", `${APPS}/pep3333.py:hello`);
    runs("an attribute of an attribute", "pep3333:holder.app");

    const startFails = async (
      spec: string,
      message: RegExp,
      options: object,
    ): Promise<void> => {
      const loop = new Loop({ log: false }).mount(pythonApp(spec, options));
      const failure = await loop.listen(0).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).to.be.instanceOf(PythonStartError);
      expect((failure as Error).message).to.match(message);
      expect(loop.tasks().resources).to.deep.equal([]);
      await loop.close();
    };
    const fails = (
      title: string,
      spec: string,
      message: RegExp,
      options: object = {},
    ) =>
      it(`keeps the loop from listening when ${title}`, () =>
        startFails(spec, message, options));
    fails(
      "a factory is to get what is no literal",
      "named.wsgi:make(os)",
      /make\(os\) takes literals alone, such as make\(1, debug=True\)/,
    );
    fails(
      "it cannot be imported",
      "broken:app",
      /broken:app does not start \(exit code 1\), by .*python3? in .*apps:\nTraceback .*\n {2}File ".*apps\/broken\.py", line 8, in <module>\n[^]*RuntimeError: on purpose$/,
    );
    it("keeps the loop from listening when its import does not end, with lazyApps or without", () =>
      Promise.all(
        [true, false].map((lazyApps) =>
          startFails(
            "stuck:app",
            /stuck:app does not start \(SIGKILL\), by [^]*\nit is not ready after 2000 ms \(startTimeoutMs\), and this is where it was:\n[^]* File ".*apps\/stuck\.py", line \d+ in wait\n/,
            { startTimeoutMs: 2000, lazyApps },
          ),
        ),
      ));
    for (const when of ["start", "before", "after_in_child"])
      fails(
        `it is imported and does not come to serve, as something hangs: ${when}`,
        "stuck_start:app",
        /stuck_start:app does not start \(SIG(KILL|USR1)\)[^]*\nit is not ready after 500 ms \(startTimeoutMs\)/,
        {
          startTimeoutMs: 500,
          lazyApps: when === "start",
          env: { WHEN: when },
        },
      );
    fails("its module is missing", "nothing:app", /No module named 'nothing'$/);
    fails(
      "it is not there",
      "pep3333:nothing",
      /pep3333\.py has no 'nothing'; it has .*hello/,
    );
    fails("it is not callable", "pep3333:TEXT", /pep3333:TEXT is not callable/);
    fails(
      "there is no interpreter",
      "pep3333:hello",
      /no interpreter \/no-python/,
      {
        python: "/no-python",
      },
    );
    fails(
      "there is no virtual environment",
      "pep3333:hello",
      /no virtual environment at .*\/novenv, .* option venv/,
      { venv: "novenv", python: undefined },
    );
    fails("there is no such folder", "pep3333:hello", /no folder .*\/nowhere/, {
      chdir: "nowhere",
    });

    it("runs in the virtual environment that VIRTUAL_ENV names, wherever PATH leads", async () => {
      const show = ["-c", "import sys; print(sys.executable)"];
      const python = execFileSync(PYTHON, show, { encoding: "utf8" }).trim();
      const folder = folderWith({
        "venv/pyvenv.cfg": `home = ${dirname(python)}\n`,
        "app.py": [
          "import sys",
          "def app(environ, start_response):",
          "    start_response('200 OK', [])",
          "    return [sys.prefix.encode()]",
        ].join("\n"),
      });
      const venv = join(folder, "venv");
      mkdirSync(join(venv, "bin"));
      symlinkSync(python, join(venv, "bin/python"));
      const env = { VIRTUAL_ENV: venv };
      const options: object = { chdir: folder, python: undefined, env };
      const { url } = await serveWith((loop) =>
        loop.mount(pythonApp("app:app", options)),
      );
      expect(await (await fetch(url)).text()).to.equal(venv);
    });

    const refused = (
      title: string,
      app: string,
      options: object,
      why: RegExp,
    ) =>
      it(`is refused with ${title}`, () => {
        expect(() => python(app, options)).to.throw(UsageError, why);
      });
    refused("no name", "", {}, /takes an application such as "app:app"/);
    refused(
      "another file",
      "./app.txt",
      {},
      /a module or a file and a name in it/,
    );
    refused("an unknown option", "a:b", { thread: 1 }, /no option "thread"/);
    refused("half a process", "a:b", { processes: 0.5 }, /a whole number/);
    refused("a time below zero", "a:b", { harakiriMs: -1 }, /from 0 up/);
    refused("a number in env", "a:b", { env: { A: 1 } }, /an object of texts/);

    it("finds modules where it is told to, and sees the variables it is given", async () => {
      const { url } = await serveWith((loop) =>
        loop.mount(
          python("elsewhere:app", {
            python: PYTHON,
            pythonPath: [join(APPS, "elsewhere")],
            env: { GREETING: "Ahoy!" },
          }),
        ),
      );
      expect(await (await fetch(url)).text()).to.equal("Ahoy!");
    });
  });

  describe("environ", () => {
    const seen = async (
      server: TestServer,
      path: string,
      init?: RequestInit,
    ): Promise<Record<string, unknown>> =>
      (await (await fetch(server.url + path, init)).json()) as Record<
        string,
        unknown
      >;
    const serve = shareServer((loop) => {
      const app = pythonApp("pep3333:variables");
      loop.mount("/", app).mount("/shop", app);
    });
    /** With these fields, as they are: `fetch` would join or refuse some. */
    const seenWith = async (...fields: string[]): Promise<object> => {
      const client = await RawClient.connect(serve().port);
      client.request("GET /", [...fields, "connection: close"]);
      return JSON.parse(
        /\{.*\}/.exec(await client.untilClosed())![0],
      ) as object;
    };

    it("has what PEP 3333 asks for", async () => {
      const server = serve();
      const environ = await seen(server, "/shop/a%20b?c=%20", {
        headers: { "x-a": "b" },
      });
      expect(environ).to.include({
        REQUEST_METHOD: "GET",
        SCRIPT_NAME: "/shop",
        PATH_INFO: "/a b",
        QUERY_STRING: "c=%20",
        REQUEST_URI: "/shop/a%20b?c=%20",
        SERVER_NAME: "127.0.0.1",
        SERVER_PORT: String(server.port),
        SERVER_PROTOCOL: "HTTP/1.1",
        REMOTE_ADDR: "127.0.0.1",
        HTTP_X_A: "b",
        "wsgi.url_scheme": "http",
        "wsgi.run_once": false,
        "wsgi.input_terminated": true,
        "wsgi.file_wrapper": "type",
        "eddy.disconnected": "method",
      });
      expect(environ["wsgi.version"]).to.deep.equal([1, 0]);
      expect(environ).to.not.have.property("eddy.deadline");
    });

    it("has the path's bytes as characters", async () => {
      const server = serve();
      const environ = await seen(server, "/%C3%A9%ff/\u{1f600}");
      expect(environ["PATH_INFO"]).to.equal("/\xc3\xa9\xff/\xf0\x9f\x98\x80");
    });

    it("has no NUL in it", async () => {
      const { url } = serve();
      expect((await fetch(`${url}/%00`)).status).to.equal(400);
    });

    it("joins repeated fields, and drops what would pass for something else", async () => {
      const environ = await seenWith(
        "x-a: 1",
        "cookie: a=1",
        "X-A: 2",
        "x_b: evil",
        "proxy: evil",
        "Cookie: b=2",
      );
      expect(environ).to.include({ HTTP_X_A: "1,2", HTTP_COOKIE: "a=1; b=2" });
      expect(environ).to.not.have.any.keys("HTTP_X_B", "HTTP_PROXY");
      expect(environ).to.not.have.any.keys("HTTP_CONNECTION");
    });

    it("takes no value for the name of a field", async () => {
      const environ = await seenWith(
        "x-a: HTTP_X_USER",
        "x-b: CONTENT_TYPE",
        "x-c: 1",
        "x-user: alice",
        "content-type: a/b",
      );
      expect(environ).to.include({
        HTTP_X_A: "HTTP_X_USER",
        HTTP_X_B: "CONTENT_TYPE",
        HTTP_X_C: "1",
        HTTP_X_USER: "alice",
        CONTENT_TYPE: "a/b",
      });
    });

    for (const [processes, threads] of [
      [1, 1],
      [1, 2],
      [2, 1],
    ] as const)
      it(`tells of ${processes} processes and ${threads} threads`, async () => {
        const app = pythonApp("pep3333:variables", { processes, threads });
        const server = await serveWith((loop) => loop.mount(app));
        const environ = await seen(server, "/");
        expect(environ["wsgi.multiprocess"]).to.equal(processes > 1);
        expect(environ["wsgi.multithread"]).to.equal(threads > 1);
      });

    it("has the deadline, in seconds as Python has them", async () => {
      const before = Date.now() / 1000;
      const server = await serveWith(
        (loop) => loop.mount(pythonApp("pep3333:variables")),
        { requestTimeoutMs: 60_000 },
      );
      const deadline = (await seen(server, "/"))["eddy.deadline"];
      expect(deadline).to.be.within(before + 59, Date.now() / 1000 + 61);
    });
  });

  describe("PEP 3333:", () => {
    const serve = (app: string, options: object = {}) =>
      serveWith((loop) => loop.mount(pythonApp(`pep3333:${app}`, options)), {
        maxBodyBytes: 100 * 1024 * 1024,
      });
    const text = async ({ url }: TestServer, path = "/", init?: RequestInit) =>
      await (await fetch(url + path, init)).text();

    it("write() sends before what is returned", async () => {
      expect(await text(await serve("writes"))).to.equal("written, returned\n");
    });

    it("exc_info replaces a head that nobody has seen", async () => {
      const { url } = await serve("fails_and_explains");
      const response = await fetch(url);
      expect(response.status).to.equal(503);
      expect(response.statusText).to.equal("Explained");
      expect(await response.text()).to.equal("sorry\n");
    });

    it("exc_info behind the head raises, and the connection is cut", async () => {
      const server = await serve("fails_too_late");
      server.expectLog(/ValueError: on purpose/);
      const client = await RawClient.connect(server.port);
      client.request("GET /");
      const received = await client.untilClosed();
      if (HAS_UWS) expect(received).to.include("begun\n"); // a cut may also lose what was written just before
      expect(received).to.not.include("never seen");
    });

    for (const [app, why] of [
      ["starts_twice", /a second time without exc_info/],
      ["never_starts", /before it called start_response/],
      ["splits", /a control character in the status or the headers/],
      ["heads_too_long", /the headers have \d+ bytes together, and 65000 is/],
      ["leaves", /SystemExit: on purpose/],
    ] as const)
      it(`${app}: 500, the traceback in the log with the request's id, and the worker lives`, async () => {
        const server = await serve(app);
        server.expectLog(/failed/);
        const response = await fetch(server.url);
        expect(response.status).to.equal(500);
        expect(await response.text()).to.equal("something went wrong here\n");
        const line = await server.logged(({ err }) => err !== undefined);
        expect(line.err!.stack).to.match(why);
        expect(line["requestId"]).to.be.a("string");
        expect((await fetch(server.url)).status).to.equal(500);
        expect(server.log.filter(({ err }) => err)).to.have.length(2);
      });

    it("an error that cannot be shown is a 500 like others, and the worker lives", async () => {
      const server = await serve("raises_oddly");
      server.expectLog(/failed/);
      const names = ["Unreadable", "Nameless", "Mute", "Headless"];
      for (const name of names)
        expect((await fetch(`${server.url}?${name}`)).status).to.equal(500);
      const errors = server.log.flatMap(({ err }) => (err ? [err.stack] : []));
      expect(errors).to.have.length(4);
      for (const [i, name] of names.entries())
        expect(errors[i]).to.include(name);
    });

    it("a traceback begins with the application's own frame", async () => {
      const server = await serve("leaves");
      server.expectLog(/failed/);
      await fetch(server.url);
      const { err } = await server.logged(({ err }) => err !== undefined);
      expect(err!.stack).to.match(
        /^Traceback .*\n {2}File ".*pep3333\.py", line \d+, in leaves\n/,
      );
    });

    it("wsgi.errors goes to the log with the request's id, also from close(), and so does what is printed", async () => {
      const server = await serve("logs");
      server.expectLog(/./);
      expect(await text(server)).to.equal("logged\n");
      await server.logged(({ msg }) => msg === "when closed");
      await server.logged(({ msg }) => msg === "printed");
      const lines = server.log.filter(({ level }) => level === 50);
      expect(lines.map(({ msg }) => msg)).to.deep.equal([
        "a line, and its end",
        "another one",
        "when closed",
      ]);
      expect(new Set(lines.map(({ requestId }) => requestId)).size).to.equal(1);
      expect(lines[0]!["requestId"]).to.be.a("string");
    });

    describe("close() is called exactly once", () => {
      const closes = async (server: TestServer): Promise<string[]> => {
        for (;;) {
          const seen = JSON.parse(await text(server, "/?seen")) as string[];
          if (seen.length > 0) return seen;
        }
      };

      it("at the end", async () => {
        const server = await serve("closes");
        expect(await text(server, "/?ends")).to.equal("first\n");
        expect(await closes(server)).to.deep.equal(["ends"]);
      });

      it("for HEAD", async () => {
        const server = await serve("closes");
        await text(server, "/?head", { method: "HEAD" });
        expect(await closes(server)).to.deep.equal(["head"]);
      });

      it("after an error", async () => {
        const server = await serve("closes");
        server.expectLog(/on purpose/);
        await text(server, "/?fails").catch(() => "cut");
        expect(await closes(server)).to.deep.equal(["fails"]);
      });

      it("when the client leaves", async () => {
        const server = await serve("closes");
        const client = await RawClient.connect(server.port);
        client.request("GET /?endless");
        await client.until(/more\n/);
        client.abort();
        expect(await closes(server)).to.deep.equal(["endless"]);
      });

      for (const [how, what] of [
        ["emptied", "whose pieces are empty by then"],
        ["writes", "whose application writes nothing by then"],
      ] as const)
        it(`when the client leaves a reply ${what}`, async () => {
          const server = await serve("closes");
          const client = await RawClient.connect(server.port);
          client.request(`GET /?${how}`);
          await client.until(/first\n/);
          client.abort();
          expect(await closes(server)).to.deep.equal([how]);
        });

      it("when the client leaves before a reply that begins with empty pieces", async () => {
        const server = await serve("closes", { threads: 2 });
        const client = await RawClient.connect(server.port);
        client.request("GET /?empty");
        while (server.loop.tally.accepted < 1) await setTimeout(5);
        client.abort();
        expect(await closes(server)).to.deep.equal(["empty"]);
      });
    });

    it("wsgi.file_wrapper sends a file", async () => {
      const body = await text(await serve("file"));
      expect(body).to.have.length(1_000_000);
      expect(body.slice(-10)).to.equal("0123456789");
    });

    it("the announced length is kept: what is longer is cut", async () => {
      const server = await serve("measured");
      expect(await text(server, "/?0")).to.equal("0123456789");
      expect(await text(server, "/?-5")).to.equal("01234");
    });

    it("a body that is shorter than announced shows as one that is not complete", async () => {
      const server = await serve("measured");
      server.expectLog(/the body has 10 bytes, its content-length says 15/);
      const client = await RawClient.connect(server.port);
      client.request("GET /?5");
      const received = await client.untilClosed();
      expect(received).to.match(
        HAS_UWS
          ? /content-length: 15/i
          : /^(HTTP[^]*content-length: 15[^]*)?$/i,
      ); // as above
    });

    it("a long body of one piece has a length", async () => {
      const { url } = await serve("big");
      const response = await fetch(`${url}/?1000000`);
      expect(response.headers.get("content-length")).to.equal("1000000");
      expect(await response.text()).to.have.length(1_000_000);
    });

    it("one whose client leaves in the middle of a long piece keeps its thread from nobody", async () => {
      const server = await serve("big");
      const client = await RawClient.connect(server.port);
      client.request("GET /?50000000");
      await client.until(/x/);
      client.abort();
      expect(await text(server, "/?3")).to.equal("xxx");
      expect(await text(server, "/?4")).to.equal("xxxx");
    });

    it("values beyond ASCII are latin-1", async () => {
      const { port } = await serve("latin1");
      const client = await RawClient.connect(port);
      client.request("GET /%e9x", ["connection: close"]);
      const received = await client.untilClosed();
      expect(received).to.match(/^X-Name: caf\xe9\r$/m);
      expect(received).to.match(/\r\n\r\n\/\xe9x$/);
    });

    it("two threads work at once", async () => {
      const server = await serve("meets", { threads: 2 });
      const both = await Promise.all([text(server), text(server)]);
      expect(both).to.deep.equal(["met\n", "met\n"]);
    });
  });

  describe("wsgi.input", () => {
    const serve = (app: string, options: object = {}) =>
      serveWith((loop) => loop.mount(pythonApp(app, options)), {
        maxBodyBytes: 10 * 1024 * 1024,
      });

    it("streams with streamBodies: the application has begun before the body is complete", async () => {
      const { port } = await serve("pep3333:uploads", { streamBodies: true });
      const client = await RawClient.connect(port);
      client.request("POST /", ["content-length: 200000"]);
      client.send("x".repeat(100_000));
      await client.until(/begun\n/);
      client.send("x".repeat(100_000));
      await client.until(/200000 bytes/);
    });

    it("keeps the thread free while a small body is slow", async () => {
      const { port, url } = await serve("pep3333:lines");
      const client = await RawClient.connect(port);
      client.request("POST /", ["content-length: 3"], "a\n");
      expect((await fetch(url)).status).to.equal(200);
      client.send("b");
      await client.until(/a\|b/);
    });

    it("has every byte of a large body", async () => {
      const { url } = await serve("contract:echo");
      const body = randomBytes(5 * 1024 * 1024);
      const response = await fetch(url, { method: "PUT", body });
      const back = Buffer.from(await response.arrayBuffer());
      expect(sha(back)).to.equal(sha(body));
    });

    const ignoring = shareServer(
      (loop) => loop.mount(pythonApp("pep3333:ignores")),
      { maxBodyBytes: 10 * 1024 * 1024 },
    );
    for (const size of [10, 65_535, 65_536, 65_537, 500_000])
      it(`of ${size} bytes may be left unread`, async () => {
        const { url } = ignoring();
        const body = Buffer.alloc(size);
        for (const part of [0, size / 2, size - 1, size]) {
          const path = `${url}/?${Math.floor(part)}`;
          const response = await fetch(path, { method: "POST", body });
          expect(await response.text()).to.equal("ignored\n");
        }
      });

    it("may be left unread by an application that answers in pieces", async () => {
      const { url } = await serve("pep3333:ignores_and_streams");
      const body = Buffer.alloc(500_000);
      for (let i = 0; i < 3; i++) {
        const response = await fetch(url, { method: "POST", body });
        expect(await response.text()).to.equal("ignored\n");
      }
    });

    it("raises when the client leaves, and the thread serves the next", async () => {
      const server = await serve("pep3333:uploads", { streamBodies: true });
      const client = await RawClient.connect(server.port);
      client.request("POST /", ["content-length: 200000"]);
      client.send("x".repeat(100_000));
      await client.until(/begun\n/);
      client.abort();
      const body = "x";
      const next = await fetch(server.url, { method: "POST", body });
      expect(await next.text()).to.equal("begun\n1 bytes");
    });

    it("that grows too long is a 413, whatever the application makes of it", async () => {
      const server = await serveWith(
        (loop) => loop.mount(pythonApp("contract:echo")),
        { maxBodyBytes: 200_000 },
      );
      const client = await RawClient.connect(server.port);
      client.request("POST /", ["transfer-encoding: chunked"]);
      for (let i = 0; i < 3; i++)
        client.send(`186a0\r\n${"x".repeat(100_000)}\r\n`);
      await client.until(/^HTTP/);
      client.send("0\r\n\r\n");
      expect(await client.untilClosed()).to.match(/^HTTP\/1.1 413 /);
    });
  });

  describe("a slow client", () => {
    it("slows the application down with streamBodies, and keeps nobody else waiting", async () => {
      const options = { threads: 2, streamBodies: true };
      const { port, url } = await serveWith((loop) =>
        loop.mount(pythonApp("pep3333:floods", options)),
      );
      const client = await RawClient.connect(port);
      client.request("GET /?200");
      await client.until(/x/);
      client.socket.pause();
      const sent = async (): Promise<number> =>
        Number(await (await fetch(`${url}/sent`)).text());
      let [before, now] = [-1, await sent()];
      while (now !== before) {
        await setTimeout(100);
        [before, now] = [now, await sent()];
      }
      expect(now).to.be.lessThan(1600); // half of all; what is on its way fills the buffers of the system
      client.abort();
    });
  });
});

function sha(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
