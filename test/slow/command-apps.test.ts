/** What the command runs, and what it says when it cannot. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { Eddy, eddy, IN_SHELL, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { needsPython } from "../support/python.ts";
import { ROOT } from "../support/root.ts";

const HANDLER =
  "export default ({ path }: { path: string }): string => `at ${path}`;";

describe("The command runs", function () {
  this.timeout(PATIENCE_MS);

  it("a TypeScript file's default export, from a folder with nothing else", async () => {
    const command = eddy(folderWith({ "app.ts": HANDLER }), ["app.ts"]);
    expect(await command.text("/here")).to.equal("at /here");
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });

  it("TypeScript that only TypeScript understands, in a CommonJS package, with the same eddy as the worker", async () => {
    const folder = folderWith({
      "package.json": "{}",
      "mood.ts": "export enum Mood { Fine = 'fine' }",
      "app.ts": `
        import { HttpError, json, type GatewayRequest } from "eddy";
        import { sleep } from "eddy/operations";
        import { Mood } from "./mood";
        class Service { constructor(readonly mood: Mood) {} }
        const service = new Service(Mood.Fine);
        export default function* (request: GatewayRequest) {
          yield* sleep(1);
          if (request.path === "/missing") throw new HttpError(418, "a teapot");
          return json(service);
        }`,
    });
    const command = eddy(folder, ["./app.ts"]);
    expect(await command.text()).to.equal('{"mood":"fine"}');
    expect(await command.text("/missing")).to.equal("a teapot\n");
  });

  it("an application of Python that forks: no client gets what is another's, and it serves on", async function () {
    needsPython(this);
    const app = [
      "import os, time",
      "",
      "def app(environ, start_response):",
      "    path, user = environ['PATH_INFO'], environ['QUERY_STRING']",
      "    try:",
      "        if path == '/fork' and os.fork() == 0:",
      "            time.sleep(0.3)",
      "            raise RuntimeError('secret of ' + user)",
      "        if path == '/slow':",
      "            time.sleep(0.6)",
      "    except RuntimeError as error: # an error page for those who develop",
      "        start_response('500 Internal Server Error', [])",
      "        return [str(error).encode()]",
      "    start_response('200 OK', [])",
      "    return [path.encode()]",
    ].join("\n");
    const command = eddy(folderWith({ "app.py": app }), ["python:app:app"]);
    expect(await command.text("/fork?alice")).to.equal("/fork");
    expect(await command.text("/slow")).to.equal("/slow");
    await command.until("the child's error", () =>
      command.log.find(({ msg }) => msg.includes("secret of alice")),
    );
    expect(await command.text("/next")).to.equal("/next");
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });

  for (const [name, file, source] of [
    ["hello:app", "hello.py", "app = greet"],
    ["hello.py", "hello.py", "application = greet"],
    ["app.wsgi", "app.wsgi", "application = greet"],
    ["hello:make(x=2)", "hello.py", "make = lambda x: greet"],
  ] as const)
    it(`an application of Python as Gunicorn and uWSGI name it: ${name}`, async function () {
      needsPython(this);
      const greet = [
        "def greet(environ, start_response):",
        "    start_response('200 OK', [])",
        "    return [b'hello']",
      ];
      const folder = folderWith({ [file]: [...greet, source].join("\n") });
      const command = eddy(folder, [name]);
      expect(await command.text()).to.equal("hello");
      const check = new Eddy(folder, ["check", name]);
      expect(await check.ended).to.equal(0);
      expect(check.lines.join("\n")).to.match(/: good$/m);
    });

  it("an application of Python, beside others", async function () {
    needsPython(this);
    const files = {
      "app.py": [
        "def app(environ, start_response):",
        "    start_response('200 OK', [('Content-Type', 'text/plain')])",
        "    return [environ['PATH_INFO'].encode()]",
      ].join("\n"),
      "app.ts": HANDLER,
    };
    const mounts = ["--mount", "/=python:app:app", "--mount", "/ts=app.ts"];
    const command = eddy(folderWith(files), mounts);
    expect(await command.text("/here")).to.equal("/here");
    expect(await command.text("/ts/here")).to.equal("at /here");
  });

  for (const [what, file, source, args] of [
    ["the export app", "a.mjs", "export const app = () => 'it';", []],
    [
      "a named export",
      "a.mjs",
      "export const api = () => 'it'; export default () => 'not this';",
      ["a.mjs:api"],
    ],
    [
      "a file with signs of URLs in its name",
      "a#b?c%41.mjs",
      "export default () => 'it';",
      ["./a#b?c%41.mjs"],
    ],
    ["a CommonJS module", "a.cjs", "module.exports = () => 'it';", []],
    [
      "a named export of a CommonJS module",
      "a.cjs",
      "exports.api = () => 'it';",
      ["a.cjs:api"],
    ],
    [
      "an application with resources",
      "a.mjs",
      "let text; export default { *open() { text = 'it'; }, handle: () => text };",
      [],
    ],
    [
      "a Loop",
      "a.mjs",
      "import { Loop } from 'eddy'; export default new Loop().get('/', () => 'it');",
      [],
    ],
    [
      "a program that serves by itself",
      "a.mjs",
      "import { Loop } from 'eddy'; await new Loop().mount(() => 'it').serve(1);",
      [],
    ],
    [
      "a program that has its loop listen, where `await` stands at the top",
      "a.mjs",
      "import { Loop } from 'eddy'; await new Loop().mount(() => 'it').listen(1);",
      [],
    ],
    [
      "a program that has its loop listen and does not wait, beside an export",
      "a.mjs",
      "import { Loop } from 'eddy'; void new Loop().mount(() => 'it').listen(1); export const other = 1;",
      [],
    ],
    [
      "a WSGI-style application",
      "a.mjs",
      "export const app = (environ, start) => { start('200 OK', []); return ['it']; };",
      ["wsgi:./a.mjs"],
    ],
  ] as [string, string, string, string[]][])
    it(what, async () => {
      const command = eddy(
        folderWith({ [file]: source }),
        args.length > 0 ? args : [file],
      );
      expect(await command.text()).to.equal("it");
    });

  it("a program that goes on when its loop listens, told where, and refused another loop", async () => {
    const source = `
      import { Loop } from "eddy";
      const loop = new Loop().mount(() => said);
      const { url } = await loop.listen(1);
      const again = await loop.listen({ port: 2 });
      const other = await new Loop().listen(3).catch((error) => error.message);
      const said = JSON.stringify({ url, again: again.url, other });`;
    const command = eddy(folderWith({ "app.mjs": source }), ["app.mjs"]);
    const url = await command.url();
    const { other, ...told } = JSON.parse(await command.text()) as {
      other: string;
    };
    expect(told).to.deep.equal({ url, again: url });
    expect(other).to.match(/^the program has another Loop listen: .*mount/);
  });

  it("a program whose handlers see the contexts around listen()", async () => {
    const source = `
      import { Loop } from "eddy";
      import { createContext, main, suspend } from "eddy/operations";
      const user = createContext("user", "nobody");
      await main(function* () {
        yield* user.set("the operator");
        const loop = new Loop();
        loop.get("/", function* () { return yield* user.expect(); });
        yield* loop.listen(1);
        yield* suspend();
      });`;
    const command = eddy(folderWith({ "app.mjs": source }), ["app.mjs"]);
    expect(await command.text()).to.equal("the operator");
  });

  it("an application beside a loop that listens later, by itself", async () => {
    const source = `
      import { Loop } from "eddy";
      const admin = new Loop().mount(() => "admin");
      let at;
      export default {
        *open() { at = yield* admin.listen({ port: 0, host: "127.0.0.1" }); },
        handle: () => fetch(at.url),
      };`;
    const command = eddy(folderWith({ "app.mjs": source }), ["app.mjs"]);
    expect(await command.text()).to.equal("admin");
  });

  it("a program that fails once its loop listens, as one that fails anywhere else", async () => {
    const source = `
      import { Loop } from "eddy";
      await new Loop().mount(() => "it").listen(1);
      throw new Error("too late");`;
    const command = eddy(folderWith({ "app.mjs": source }), ["app.mjs"]);
    await command.logged(/^the worker fails$/);
  });

  it("a Hono application as it is, with a light Response, and says so", async () => {
    const source = `
      import { Hono } from "hono";
      const isLight = () => Object.hasOwn(Response, Symbol.hasInstance);
      export default new Hono().get("/", (c) => c.text(\`light: \${isLight()}\`));`;
    const packages = ["effection", "hono"];
    const folder = folderWith({ "app.ts": source }, { packages });
    const light = eddy(folder, ["app.ts"]);
    expect(await light.text()).to.match(/ true$/);
    await light.logged(
      /^Response is a light one in this process; .*--no-light-response/,
    );
    const plain = eddy(folder, ["--no-light-response", "app.ts"]);
    expect(await plain.text()).to.match(/ false$/);
    expect(plain.log.some(({ msg }) => msg.startsWith("Response is"))).to.equal(
      false,
    );
  });

  it("several applications, each at its prefix", async () => {
    const folder = folderWith({
      "api.ts":
        "export const api = (r: { mountPath: string; path: string }) => `api ${r.mountPath} ${r.path}`;",
      "old.js":
        "exports.app = (environ, start) => { start('200 OK', []); return [`old ${environ.SCRIPT_NAME} ${environ.PATH_INFO}`]; };",
    });
    const command = eddy(folder, [
      "--mount",
      "/=./api.ts:api",
      "--mount",
      "/old=wsgi:./old.js:app",
    ]);
    expect(await command.text("/x")).to.equal("api  /x");
    expect(await command.text("/old/y")).to.equal("old /old /y");
  });

  it("the files of folders, beside an application, a whole Loop, and alone", async () => {
    const folder = folderWith({
      "public/a.txt": "a file",
      "public/index.html": "a page",
      "app.ts": HANDLER,
      "loop.mjs":
        "import { Loop } from 'eddy'; export default new Loop().mount(() => 'loop');",
    });
    for (const [app, root] of [
      ["app.ts", "at /"],
      ["loop.mjs", "loop"],
    ] as const) {
      const command = eddy(folder, [app, "--static", "/assets=public"]);
      expect(await command.text("/assets/a.txt")).to.equal("a file");
      expect(await command.text("/")).to.equal(root);
    }
    const alone = eddy(folder, ["--static", "/=./public"]);
    expect(await alone.text("/")).to.equal("a page");
    await alone.logged(/^\/=\.\/public on http:/);
  });

  it("a Loop with its own options, over which the operator's go", async () => {
    const folder = folderWith({
      "a.mjs":
        "import { Loop } from 'eddy'; export default new Loop({ maxBodyBytes: 2, requestTimeoutMs: 20 }).post('/', async (r) => await r.text()).get('/', () => new Promise(() => {}));",
    });
    const command = eddy(folder, ["a.mjs", "--max-body", "4B"]);
    const post = async (body: string): Promise<number> =>
      (await fetch(await command.url(), { method: "POST", body })).status;
    expect(await post("1234")).to.equal(200);
    expect(await post("12345")).to.equal(413);
    expect((await fetch(await command.url())).status).to.equal(503);
  });

  it("what loads without --need-app, and says what does not", async () => {
    const folder = folderWith({ "app.ts": HANDLER });
    const command = eddy(folder, [
      "--no-need-app",
      "app.ts",
      "--mount",
      "/api=missing.ts",
    ]);
    expect(await command.text("/api/x")).to.equal("at /api/x");
    await command.logged(
      /^the application missing\.ts does not load: there is no file/,
    );
  });
});

describe("Without --need-app the command answers 404 for", function () {
  this.timeout(PATIENCE_MS);

  async function answersOthers(
    files: Record<string, string>,
    app: string,
    why: RegExp,
    ...flags: string[]
  ): Promise<void> {
    const folder = folderWith({ ...files, "there.ts": HANDLER });
    const mounts = ["--mount", `/=${app}`, "--mount", "/there=there.ts"];
    const command = eddy(folder, ["--no-need-app", ...flags, ...mounts]);
    expect(await command.text("/there/x")).to.equal("at /x");
    expect((await fetch(await command.url())).status).to.equal(404);
    await command.logged(why);
  }

  it("an application of Python that does not load", async function () {
    needsPython(this);
    await answersOthers(
      { "broken.py": "import no_such_module" },
      "python:broken:app",
      /^the application python:broken:app does not load: [^]*no_such_module/,
    );
  });

  it("an application of Python whose import does not end", async function () {
    needsPython(this);
    await answersOthers(
      { "stuck.py": "while True: pass" },
      "python:stuck:app",
      /^the application python:stuck:app does not load: [^]*not ready after 3000 ms \(startTimeoutMs\)[^]*stuck\.py", line 1/,
      "--start-timeout",
      "3s",
    );
  });

  it("an application whose threads do not load it", async () => {
    await answersOthers(
      {
        "broken.mjs":
          "import { wsgi } from 'eddy/adapters/wsgi'; export default wsgi({ module: new URL('./missing.mjs', import.meta.url), threads: 1 });",
      },
      "broken.mjs",
      /^the application broken\.mjs does not load: [^]*missing\.mjs/,
    );
  });
});

describe("The command ends with 3, and says why, when", function () {
  this.timeout(PATIENCE_MS);

  for (const [what, files, app, message] of [
    [
      "the file is missing",
      {},
      "app.ts",
      /^eddy: the application app\.ts does not load: there is no file \/.*app\.ts$/m,
    ],
    [
      "JavaScript throws, further down",
      {
        "app.mjs": "import './lib/b.mjs';",
        "lib/b.mjs": "\nthrow new RangeError('out');",
      },
      "app.mjs",
      /RangeError: out\n {2}at lib\/b\.mjs:2$/m,
    ],
    [
      "a module of CommonJS throws below one that awaits",
      { "app.mjs": "import './its.cjs'; await 1;", "its.cjs": "oops();" },
      "app.mjs",
      /^eddy: the application app\.mjs does not load: ReferenceError: oops is not defined\n {2}at its\.cjs:1$/m,
    ],
  ] as [string, Record<string, string>, string, RegExp][])
    it(what, async () => {
      const command = eddy(folderWith(files), [app]);
      expect(await command.ended).to.equal(3);
      expect(command.stderr).to.match(message);
    });

  it("a Loop is mounted beside something else", async () => {
    const folder = folderWith({
      "a.mjs": "import { Loop } from 'eddy'; export default new Loop();",
      "b.mjs": "export default () => '';",
    });
    const command = eddy(folder, ["a.mjs", "--mount", "/b=b.mjs"]);
    expect(await command.ended).to.equal(3);
    expect(command.stderr).to.match(/a\.mjs is a whole Loop/);
  });

  it("a Loop is mounted at a prefix, which it would not see", async () => {
    const folder = folderWith({
      "a.mjs": "import { Loop } from 'eddy'; export default new Loop();",
    });
    const command = eddy(folder, ["--mount", "/api=a.mjs"]);
    expect(await command.ended).to.equal(3);
    expect(command.stderr).to.match(
      /a\.mjs is a whole Loop, which cannot be mounted at a prefix or beside others/,
    );
  });

  it("threads do not load it", async () => {
    const folder = folderWith({
      "a.mjs":
        "import { wsgi } from 'eddy/adapters/wsgi'; export default wsgi({ module: new URL('./missing.mjs', import.meta.url), threads: 1 });",
    });
    const command = eddy(folder, ["a.mjs"]);
    expect(await command.ended).to.equal(3);
    expect(command.stderr).to.match(/missing\.mjs/);
  });
});

describe("The command ends with 2, and says why, when", function () {
  this.timeout(PATIENCE_MS);

  for (const [what, args, message] of [
    [
      "there is no application",
      [],
      /there is no application to run; name one: eddy app\.ts/,
    ],
    [
      "a mount makes no sense",
      ["--mount", "x"],
      /mount takes a prefix and an application, such as \/old=\.\/old\.js, not "x"/,
    ],
    [
      "a flag is unknown",
      ["--wokers", "2"],
      /unknown option '--wokers'\n\(Did you mean --workers\?\)/,
    ],
    [
      "a flag of another of its commands is unknown",
      ["config", "--wokers", "2"],
      /unknown option '--wokers'/,
    ],
    [
      "a flag has a bad value",
      ["--workers", "many"],
      /--workers: workers takes a whole number from 0, or "auto", not "many"/,
    ],
    [
      "there are two applications for the root",
      ["a.ts", "b.ts"],
      /eddy runs one application, and here are 2 words: a\.ts b\.ts$/m,
    ],
    [
      "a command is misspelled",
      ["chek", "a.ts"],
      /here are 2 words: chek a\.ts; did you mean eddy check\?$/m,
    ],
    [
      "the working directory is missing",
      ["a.ts", "--chdir", "nowhere"],
      /chdir: cannot go to nowhere: ENOENT/,
    ],
    [
      "the user is missing",
      ["a.ts", "--user", "nobody-of-this-name"],
      /user: this machine has no user nobody-of-this-name/,
    ],
    [
      "the group is missing",
      ["a.ts", "--group", "nobody-of-this-name"],
      /group: this machine has no group nobody-of-this-name/,
    ],
    [
      "a log format makes no sense",
      ["a.ts", "--access-log", "-", "--log-format", "%Z"],
      /logFormat: there is no %Z in a format/,
    ],
    [
      "a log cannot be written",
      ["a.ts", "--error-log", "/nowhere/eddy.log"],
      /cannot write the log \/nowhere\/eddy\.log: ENOENT/,
    ],
    [
      "the pid file cannot be written",
      ["a.ts", "--pid", "/nowhere/pid"],
      /cannot write the pid file: ENOENT/,
    ],
  ] as [string, string[], RegExp][])
    it(what, async () => {
      const command = eddy(folderWith({}), args);
      expect(await command.ended).to.equal(2);
      expect(command.stderr).to.match(message);
    });
});

describe("The command ends with 2, too, when", function () {
  this.timeout(PATIENCE_MS);

  it("only the loop can tell that a setting is wrong", async () => {
    const folder = folderWith({ "a.mjs": "export default () => '';" });
    const command = eddy(folder, ["--mount", "/a*b=a.mjs"]);
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(
      /^eddy: a mount's prefix is a path such as "\/api", not "\/a\*b"$/m,
    );
  });

  it("a folder of static is not there, or its prefix is taken", async () => {
    const folder = folderWith({ "a.mjs": "export default () => '';" });
    for (const [entry, why] of [
      ["/s=none", /^eddy: static \/s=none: files\(\) takes a folder, .*none$/m],
      ["/=.", /^eddy: static \/=\.: something is mounted at "\/" already$/m],
    ] as const) {
      const command = eddy(folder, ["a.mjs", "--static", entry]);
      expect(await command.ended).to.equal(2);
      expect(command.stderr).to.match(why);
    }
  });
});

describe("What the command prints", function () {
  this.timeout(PATIENCE_MS);

  it("is its version for eddy version, and its words for eddy help", async () => {
    const { version } = JSON.parse(
      readFileSync(join(ROOT, "package.json"), "utf8"),
    ) as { version: string };
    const folder = folderWith({});
    for (const word of ["version", "--version"]) {
      const command = new Eddy(folder, [word]);
      expect(await command.ended).to.equal(0);
      expect(command.lines).to.deep.equal([version]);
    }
    const help = new Eddy(folder, ["help"]);
    expect(await help.ended).to.equal(0);
    expect(help.lines[0]).to.match(/^Usage: eddy /);
  });

  it("says of a flag that begins with --no- that it turns something off", async () => {
    const { stdout } = await promisify(execFile)("sh", [
      "-c",
      `${IN_SHELL} --help`,
    ]);
    const flags = stdout.match(/^ +--no-.*$/gm);
    expect(flags).to.have.lengthOf.at.least(3);
    for (const flag of flags!) expect(flag).to.match(/ {2}Turns this off: /);
  });

  for (const what of ["--help", "config"])
    it(`may be too much for whoever reads it: ${what}`, async () => {
      const pipe = `${IN_SHELL} ${what} | true`;
      const { stderr } = await promisify(execFile)("sh", ["-c", pipe], {
        cwd: folderWith({}),
      });
      expect(stderr).to.equal("");
    });
});
