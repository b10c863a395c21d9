/** Each snippet of README and docs is compiled and run, and asked what the text around it says. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import type { Loop, LoopOptions } from "../lib/index.ts";
import {
  loopOptions,
  loopServes,
  type WouldListen,
} from "../lib/loop/command.ts";
import { ROOT } from "./support/root.ts";
import {
  compile,
  examples,
  snippetFolder,
  snippetsOf,
} from "./support/snippets.ts";

/** A request, as `GET /path` with its body behind a space, and the text or the status that comes. */
type Asked = readonly [request: string, comes: string | number | RegExp];

interface Snippet {
  /** What the text before it has made; with a `loop` in it the snippet is a part of a program. */
  before?: string;
  asks?: readonly Asked[];
  /** What it prints. */
  prints?: readonly string[];
  /** Why it is only compiled. */
  compiled?: string;
}

const LOOP =
  'import { json, Loop, redirect } from "eddy"; const loop = new Loop();';
const MIDDLEWARE = `${LOOP} import * as its from "eddy/middleware";
const { basicAuth, compress, cors, etag, rateLimit, requestTimeout, secureHeaders, session, SignedCookies, validate } = its;
const check = async (form: FormData) => String(form.get("user"));`;
const REDIS =
  "const redis = { get: async (key: string) => null, set: async (...all: unknown[]) => {}, del: async (key: string) => {} };";
const SECRETS = `process.env.NEW_SECRET = "a".repeat(32); process.env.OLD_SECRET = "b".repeat(32); process.env.ADA_PASSWORD = "c";`;
const WSGI =
  'import { wsgi } from "eddy/adapters/wsgi"; import { sleep } from "eddy/operations"; const database = { query: async (sql: string) => [sql] }; const module = new URL("./reports.js", import.meta.url);';
const HELLO: Snippet = { asks: [["GET /", "hello"]] };

/** Of each page, one entry a block. The tour is one program. */
const PAGES: Readonly<Record<string, readonly Snippet[]>> = {
  "README.md": [{ asks: [["GET /x", "Hello from /x\n"]] }],
  "docs/tour.md": [
    {
      asks: [
        ["GET /", "<h1>Hello</h1>"],
        ["GET /me", '{"agent":"test"}'],
        ["GET /later", "now"],
        ["GET /old", 302],
        ["GET /users/7", '{"id":"7"}'],
        ["GET /blog/today", "/today of /blog\n"],
        ["GET /elsewhere", 404],
        ["POST /orders {}", 201],
        ["PUT /upload abc", "3 bytes\n"],
        ["GET /answer", /^[ab]$/],
        ["GET /legacy/it", "Hello from /legacy/it\n"],
      ],
    },
  ],
  "docs/coming-from.md": [
    {},
    {
      asks: [
        ["GET /users/7", '{"id":"7"}'],
        ["GET /old", "still here"],
      ],
    },
    { asks: [["GET /", 504]] },
  ],
  "docs/command.md": [{}],
  "docs/engines.md": [
    HELLO,
    {
      asks: [
        ["GET /download", "ab"],
        ["PUT /upload ab", "damaged"],
        ["GET /page", "a page that takes a while"],
      ],
    },
    HELLO,
  ],
  "docs/errors.md": [{ asks: [["GET /orders/1", 404]] }],
  "docs/events.md": [{}, { compiled: "nextLine() is whatever the reader has" }],
  "docs/fetch.md": [
    { asks: [["GET /api/hello/Ada", "Hello, Ada!\n"]] },
    { asks: [["GET /chat/tea", 404]] },
  ],
  "docs/files.md": [{ compiled: "there is no dist/index.html" }],
  "docs/middleware.md": [
    { asks: [["GET /api/news", '["nothing"]']] },
    { asks: [["GET /inner", "no\n"]] },
    { asks: [["GET /", 404]] },
    { before: MIDDLEWARE },
    { before: MIDDLEWARE },
    { before: MIDDLEWARE },
    { before: MIDDLEWARE },
    { before: `${SECRETS}${MIDDLEWARE}`, asks: [["GET /lab", 401]] },
    { before: MIDDLEWARE, compiled: "there is no Redis" },
    { before: MIDDLEWARE },
    { before: MIDDLEWARE, asks: [["GET /", "last time: never\n"]] },
    { before: `${SECRETS}${MIDDLEWARE}` },
    {
      before: MIDDLEWARE,
      asks: [
        ["POST /login", 415],
        ["POST /logout", 303],
      ],
    },
    { before: `${MIDDLEWARE}${REDIS}` },
    {
      before: MIDDLEWARE,
      asks: [
        [
          'POST /shops/1/orders {"item":"tea","count":2}',
          '{"count":2,"page":1}',
        ],
        [
          'POST /shops/1/orders {"item":"tea","count":0}',
          '{"error":"the request is not valid","faults":[{"in":"body","path":"count","message":"Too small: expected number to be >0"}]}',
        ],
      ],
    },
  ],
  "docs/node.md": [
    { asks: [["GET /hello/Ada", '{"hello":"Ada"}']] },
    { asks: [["GET /", 404]] },
  ],
  "docs/operations.md": [
    {},
    { before: LOOP, asks: [["GET /debug/tasks", /"background":\[\]/]] },
    { asks: [["GET /status", /"mounts": ?\[/]] },
  ],
  "docs/python.md": [{ compiled: "there is no app.py" }],
  "docs/requests.md": [{}],
  "docs/routing.md": [
    {
      asks: [
        ["GET /users/7", '{"id":"7"}'],
        ["PUT /files/a abc", "3"],
        ["GET /blog/x", "/x of /blog"],
        ["GET /", "the rest"],
      ],
    },
    { asks: [["GET /db/ada", '"Ada"']] },
  ],
  "docs/streams.md": [
    {
      before:
        'import { stream } from "eddy"; async function* rows() { yield "a"; } const response = { body: new ReadableStream<Uint8Array>() };',
    },
  ],
  "docs/tasks.md": [
    {},
    { before: LOOP, compiled: "nothing is at that port" },
    { compiled: "it never ends by itself" },
    { asks: [["GET /", "hello nobody\n"]] },
  ],
  "docs/traces.md": [{ compiled: "traces have their own test" }],
  "docs/testing.md": [
    {},
    { prints: ["halted", "TimeoutError"] },
    { prints: ["192.0.2.7"] },
  ],
  "docs/threads.md": [
    { compiled: "a thread has its own test" },
    { before: WSGI },
  ],
  "docs/tls.md": [
    HELLO,
    { asks: [["GET /", /^this is /]] },
    HELLO,
    { asks: [["GET /", "hello undefined"]] },
  ],
  "docs/uwsgi.md": [
    { asks: [["GET /legacy", 502]] },
    { before: LOOP },
    { before: 'import { uwsgi } from "eddy/adapters/uwsgi";' },
    { before: 'import { http } from "eddy/adapters/http";' },
    { before: LOOP },
  ],
  "docs/websocket.md": [
    { asks: [["GET /echo", 426]] },
    {},
    {},
    { asks: [["GET /graphql", 426]] },
  ],
  "docs/wsgi.md": [{ asks: [["GET /legacy/it", "Hello from /legacy/it\n"]] }],
};

const SCHEMA =
  'import { buildSchema } from "graphql"; export const schema = buildSchema("type Query { a: Int }");';

const pages = [
  "README.md",
  "SECURITY.md",
  ...readdirSync(join(ROOT, "docs")).map((file) => `docs/${file}`),
];

/** The programs of a page. */
function programsOf(page: string): string[] {
  const snippets = snippetsOf(page);
  return page === "docs/tour.md" ? [snippets.join("\n")] : snippets;
}

const fileOf = (page: string, i: number): string =>
  `${page.replaceAll(/\W/g, "-")}-${i + 1}`;

function whole(source: string, { before = "" }: Snippet): string {
  const end = /\bconst loop\b/.test(before) ? "\nawait loop.serve(8000);" : "";
  return `${before}\n${source}${end}\nexport {};\n`;
}

describe("Snippets", function () {
  this.timeout(60_000);
  let folder = "";
  let secret: string | undefined;
  let complaints = "";
  const ended: (() => void)[] = [];

  before(() => {
    secret = process.env["EDDY_SECRET_KEY"];
    process.env["EDDY_SECRET_KEY"] = "for the cookies of these snippets alone";
    folder = snippetFolder();
    const files = Object.fromEntries([
      ["schema.ts", SCHEMA],
      ...pages.flatMap((page) =>
        programsOf(page).map((source, i) => [
          `${fileOf(page, i)}.ts`,
          whole(source, PAGES[page]?.[i] ?? {}),
        ]),
      ),
      ...examples().map(([name, source]) => [
        `${name.replaceAll(/\W/g, "-")}.ts`,
        `${source}\nexport {};\n`,
      ]),
    ]) as Record<string, string>;
    complaints = compile(folder, files);
  });
  after(() => {
    rmSync(folder, { recursive: true });
    if (secret === undefined) delete process.env["EDDY_SECRET_KEY"];
    else process.env["EDDY_SECRET_KEY"] = secret;
  });

  it("compile: those of README, of the docs and of docstrings", () => {
    expect(complaints).to.equal("");
  });

  it("import nothing that their reader has not installed by `npm install eddy`", () => {
    const all = [
      ...pages.flatMap((page) => snippetsOf(page)),
      ...examples().map(([, source]) => source),
    ];
    expect(all).to.have.length.above(60);
    expect(all.filter((one) => /from "effection"/.test(one))).to.deep.equal([]);
  });

  for (const page of pages)
    for (const [i, source] of programsOf(page).entries())
      it(`${page}, ${i + 1}: what it says is what comes`, async function () {
        const snippet = PAGES[page]?.[i];
        expect(snippet, "an entry in test/snippets.test.ts").to.be.an("object");
        if (snippet!.compiled !== undefined) return;
        await run(join(folder, `${fileOf(page, i)}.js`), source, snippet!);
      });

  afterEach(() => {
    for (const end of ended.splice(0)) end();
  });

  /** As the command would, without its processes: loops do not listen, and are asked. */
  async function run(
    file: string,
    source: string,
    { asks = [], prints }: Snippet,
  ): Promise<void> {
    const printed: string[] = [];
    const log = console.log;
    const signals = process.listeners("SIGHUP");
    console.log = (text: string) => printed.push(text);
    ended.push(() => {
      console.log = log;
      for (const one of process.listeners("SIGHUP"))
        if (!signals.includes(one)) process.off("SIGHUP", one);
    });
    const quiet = (options: unknown): void => {
      (options as LoopOptions).log = false;
    };
    let takeLoop!: (loop: Loop) => void;
    const taken = new Promise<Loop>((resolve) => (takeLoop = resolve));
    const take = (message: unknown): void => {
      const would = message as WouldListen;
      would.address = Promise.resolve({ url: "http://localhost:8000" });
      takeLoop(would.loop as Loop);
    };
    loopOptions.subscribe(quiet);
    loopServes.subscribe(take);
    ended.push(() => {
      loopOptions.unsubscribe(quiet);
      loopServes.unsubscribe(take);
    });
    const imported = import(pathToFileURL(file).href) as Promise<unknown>;
    const loop = await Promise.race([taken, imported.then(() => undefined)]);
    if (/\b(listen|serve)\(/.test(source) && asks.length > 0)
      expect(loop, "a loop that listens").to.be.an("object");
    try {
      for (const [request, comes] of asks) await ask(loop!, request, comes);
    } finally {
      await loop?.close();
    }
    await imported;
    if (prints !== undefined) expect(printed).to.deep.equal(prints);
  }
});

async function ask(
  loop: Loop,
  request: string,
  comes: Asked[1],
): Promise<void> {
  const [, method, path, body] = /^(\S+) (\S+)(?: (.*))?$/.exec(request)!;
  const headers: Record<string, string> = { "user-agent": "test" };
  if (body?.startsWith("{")) headers["content-type"] = "application/json";
  const reply = await loop.fetch(path!, {
    method: method!,
    headers,
    ...(body !== undefined && { body }),
  });
  const text = await reply.text();
  if (typeof comes === "number") expect(reply.status, request).to.equal(comes);
  else if (typeof comes === "string") expect(text, request).to.equal(comes);
  else expect(text, request).to.match(comes);
}
