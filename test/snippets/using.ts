/** The entries of README.md and of the pages about using it. */
import { expect } from "chai";
import { io } from "socket.io-client";
import { afterTest } from "../support/hooks.ts";
import { refusal, SocketClient } from "../support/web-socket.ts";
import { partOf, type Page } from "./entry.ts";
import { MIDDLEWARE } from "./middleware.ts";
import { inBrowser, made, nginx } from "./others.ts";
import { js, ts } from "./program.ts";
import { gives, hasScript, sh, tested, unheard } from "./shell.ts";
import { standIn } from "./stand-in.ts";

const LOOP =
  'import { json, Loop, redirect } from "eddy"; const loop = new Loop();';
const SERVE = "await loop.serve(8000);";
const SCHEMA =
  'import { buildSchema } from "graphql"; export const schema = buildSchema("type Query { a: Int }");';

async function expectEcho(port: number, path: string): Promise<void> {
  const client = await SocketClient.open(port, path);
  client.send("hi");
  expect(await client.messages(1)).to.deep.equal(["hi"]);
}

async function expectRooms(port: number): Promise<void> {
  expect(await refusal(port, "/rooms/tea")).to.equal(401);
  const as = (user: string): Promise<SocketClient> =>
    SocketClient.open(port, "/rooms/tea", {
      headers: { cookie: `user=${user}` },
    });
  const [bob, ada] = [await as("bob"), await as("ada")];
  ada.send("hi");
  expect(await bob.messages(1)).to.deep.equal(["ada: hi"]);
  bob.send("ho");
  expect(await ada.messages(1)).to.deep.equal(["bob: ho"]);
}

export const USING: Readonly<Record<string, Page>> = {
  "README.md": [
    sh([
      unheard("it writes a package.json"),
      unheard("it takes npm's registry"),
      tested(
        "test/slow/package.test.ts: is all that a newcomer's application needs",
      ),
    ]),
    ts({ asks: [["GET /x", "Hello from /x\n"]] }),
    sh([
      gives(
        { app: "app.ts", http: ["127.0.0.1:8000"] },
        "test/slow/package.test.ts: is all that a newcomer's application needs",
      ),
    ]),
    sh([unheard("it installs"), hasScript, unheard("it installs"), hasScript]),
  ],
  "docs/tour.md": [
    ...Array.from({ length: 7 }, () => partOf(8)),
    ts({
      parts: [1, 2, 3, 4, 5, 6, 7],
      asks: [
        ["GET /", { text: "<h1>Hello</h1>", headers: { "x-request-id": /./ } }],
        ["GET /me", '{"agent":"test"}'],
        ["GET /later", "now"],
        ["GET /old", { status: 302, headers: { location: "/" } }],
        ["GET /users/7", '{"id":"7"}'],
        ["GET /blog/today", "/today of /blog\n"],
        ["GET /elsewhere", 404],
        ["POST /orders {}", 201],
        ["PUT /upload abc", "3 bytes\n"],
        ["GET /clock", { begins: new Date().toISOString().slice(0, 2) }],
        ["GET /answer", /^[ab]$/],
        ["GET /legacy/it", "Hello from /legacy/it\n"],
      ],
    }),
    sh([
      gives(
        { app: "app.ts", engine: "node", http: ["127.0.0.1:8000"] },
        "test/fronts/nginx.test.ts: itLosesNothing(ARGUMENTS, SITE)",
      ),
    ]),
    nginx(
      "app.ts --engine node --http 127.0.0.1:8000",
      ["front-host", "front-forwarded-for"], // as the text below it says
      "test/fronts/nginx.test.ts: itLosesNothing(ARGUMENTS, SITE)",
    ),
  ],
  "docs/coming-from.md": [
    ts({ exported: true, asks: [["GET /users/7", '{"id":"7"}']] }),
    ts({
      asks: [
        ["GET /users/7", '{"id":"7"}'],
        ["GET /old", "still here"],
      ],
    }),
    ts({ asks: [["GET /", 504]] }),
  ],
  "docs/requests.md": [
    ts({
      before: `import { Loop } from "eddy"; const loop = new Loop();
        const fetch = async (url: string, init: { signal: AbortSignal }) => new Response("asked " + url);`,
      after: `loop.mount("/hello", hello); loop.mount("/mirror", mirror); ${SERVE}`,
      asks: [
        ["GET /hello/x", '{"path":"/x"}'],
        ["GET /mirror", "asked http://127.0.0.1:9000/"],
      ],
    }),
  ],
  "docs/routing.md": [
    ts({
      asks: [
        ["GET /users/7", '{"id":"7"}'],
        ["PUT /files/a abc", "3"],
        ["GET /blog/x", "/x of /blog"],
        ["GET /", "the rest"],
      ],
    }),
    ts({ asks: [["GET /db/ada", '"Ada"']] }),
  ],
  "docs/streams.md": [
    ts({
      before: `import { Loop, stream as made } from "eddy";
        const replies: ReturnType<typeof made>[] = [];
        const stream: typeof made = (...args) => { const reply = made(...args); replies.push(reply); return reply; };
        async function* rows() { yield "1"; yield "2"; }
        const response = new Response("all");`,
      after: `const loop = new Loop();
        loop.get("/:n", ({ params }) => replies[Number(params.n)]!);
        ${SERVE}`,
      asks: [
        ["GET /0", "ab"],
        ["GET /1", "12"],
        ["GET /2", "all"],
        ["GET /3", "a"],
        ["GET /4", "a"],
      ],
    }),
  ],
  "docs/tasks.md": [
    ts({}),
    ts({
      before: `${LOOP} const fetch = async (url: string, init: { signal: AbortSignal }) => new Response("asked " + url);`,
      after: SERVE,
      asks: [["GET /proxy", "asked http://127.0.0.1:9000"]],
    }),
    ts({ byNode: true, asks: [["GET /", "hello the operator\n"]] }), // by the command: slow/command-apps
    ts({
      asks: [
        ["GET /", "hello nobody\n"],
        ["GET /", "hello ada\n", { "x-user": "ada" }],
      ],
    }),
  ],
  "docs/testing.md": [
    ts({}), // it asserts by itself
    ts({ prints: ["halted", "TimeoutError"] }),
    ts({ prints: ["192.0.2.7"] }),
  ],
  "docs/errors.md": [
    ts({
      asks: [
        [
          "GET /orders/1",
          {
            status: 404,
            headers: { "x-kind": "order" },
            text: /^there is no such order/,
          },
        ],
      ],
    }),
  ],
  "docs/events.md": [
    ts({
      asks: [
        [
          "GET /ticks",
          { begins: ':\n\nid: 1\nevent: tick\ndata: {"n":1}\n\n' },
        ],
        [
          "GET /ticks",
          { begins: ':\n\nid: 8\nevent: tick\ndata: {"n":8}\n\n' },
          { "last-event-id": "7" },
        ],
      ],
    }),
    inBrowser(1, 1),
    ts({
      before:
        'Object.assign(globalThis, { nextLine: async () => "a line\\n" });',
      after: SERVE,
      asks: [["GET /log", { begins: "a line\na line\n" }]],
    }),
  ],
  "docs/fetch.md": [
    ts({ asks: [["GET /api/hello/Ada", "Hello, Ada!\n"]] }),
    ts({
      asks: [["GET /chat/tea", 404]],
      async talk(port) {
        const client = await SocketClient.open(port, "/chat/tea");
        client.send("hi");
        expect(await client.messages(1)).to.deep.equal(["you said hi"]);
      },
    }),
  ],
  "docs/files.md": [
    ts({
      files: { "dist/index.html": "<p>a page", "dist/assets/app.js": "1" },
      asks: [
        ["GET /", "<p>a page"],
        ["GET /a/page/of/it", "<p>a page"],
        ["GET /missing.js", 404],
        [
          "GET /assets/app.js",
          { text: "1", headers: { "cache-control": /immutable/ } },
        ],
      ],
    }),
  ],
  "docs/middleware.md": MIDDLEWARE,
  "docs/websocket.md": [
    ts({
      asks: [["GET /echo", 426]],
      async talk(port) {
        await expectEcho(port, "/echo");
        await expectRooms(port);
      },
    }),
    ts({
      before: LOOP,
      after: `loop.websocket("/echo", echo); ${SERVE}`,
      talk: async (port) => expectEcho(port, "/echo"),
    }),
    ts({
      tests: ["test/slow/brokers.test.ts: reach the sockets of other loops"],
    }),
    ts({
      files: { "schema.ts": SCHEMA },
      asks: [["GET /graphql", 426]],
      async talk(port) {
        const path = "/graphql graphql-transport-ws";
        const client = await SocketClient.open(port, path);
        client.send('{"type":"connection_init"}');
        expect(await client.messages(1)).to.deep.equal([
          '{"type":"connection_ack"}',
        ]);
      },
    }),
  ],
  "docs/wsgi.md": [
    ts({ asks: [["GET /legacy/it", "Hello from /legacy/it\n"]] }),
  ],
  "docs/threads.md": [
    ts({
      files: { "reports.js": 2, "report.csv": "a,b\n" },
      asks: [["GET /reports", "a,b\n"]],
    }),
    partOf(1),
    partOf(4),
    ts({
      before: `import { Loop } from "eddy"; import { wsgi } from "eddy/adapters/wsgi"; import { sleep } from "eddy/operations";
        const database = { query: async (sql: string) => [sql] };
        const module = new URL("./pages.js", import.meta.url);
        const application =`,
      after: "await new Loop().mount(application).serve(8000);",
      files: { "pages.js": 3 },
      stage: async () => ({ "127.0.0.1:9000": await standIn() }),
      asks: [["GET /", "1 users, 200, asked /news, sunny\n"]],
    }),
  ],
  "docs/node.md": [
    ts({ asks: [["GET /hello/Ada", '{"hello":"Ada"}']] }),
    js({ exported: true, asks: [["GET /", "hello"]] }),
    sh([
      gives(
        { app: "server.js", takeListen: true },
        "test/slow/command-node.test.ts: a program with its own listen(), where that says",
      ),
      gives(
        { app: "server.js", takeListen: true, http: [":8000"] },
        "test/slow/command-node.test.ts: where --http says",
      ),
    ]),
    ts({
      asks: [["GET /", 404]],
      async talk(port) {
        const client = io(`http://127.0.0.1:${port}`, {
          transports: ["websocket"],
        });
        afterTest(() => client.disconnect());
        expect(await client.emitWithAck("echo", "hi")).to.equal("hi");
      },
    }),
  ],
  "docs/design.md": [
    made("text", "test/layers.test.ts: are those of docs/design.md"),
  ],
};
