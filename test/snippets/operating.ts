/** The entries of the pages about running it. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { pino } from "pino";
import { announce } from "../../lib/cli/banner.ts";
import { configure } from "../../lib/cli/configure.ts";
import { examine, report } from "../../lib/cli/doctor/doctor.ts";
import { explain } from "../../lib/cli/explain.ts";
import { Loop } from "../../lib/index.ts";
import { CERTIFICATE } from "../support/certificate.ts";
import { OPENSSL_MISSING } from "../support/certificates.ts";
import { flagsOf } from "../support/flags.ts";
import { afterTest } from "../support/hooks.ts";
import { missing } from "../support/programs.ts";
import { missingModules } from "../support/python.ts";
import { writeFiles } from "../support/snippets.ts";
import { partOf, type Here, type Page } from "./entry.ts";
import { config, json, nginx, printed, python } from "./others.ts";
import { ts, type Program } from "./program.ts";
import {
  does,
  gives,
  imports,
  installs,
  runs,
  sh,
  tested,
  unheard,
  type Test,
} from "./shell.ts";
import { standIn } from "./stand-in.ts";

const LOOP = 'import { json, Loop } from "eddy"; const loop = new Loop();';
const SERVE = "await loop.serve(8000);";
const HELLO: Program = { asks: [["GET /", "hello"]] };

const APPS = "test/slow/command-apps.test.ts";
const DOCTOR = "test/lib/cli/doctor";
const TLS = "test/slow/command-tls.test.ts";

const TLS_ALONE = {
  app: "app.ts",
  http: [":8443"],
  tlsKey: ["key.pem"],
  tlsCert: ["cert.pem"],
};

/** The lines of `eddy config` for two settings. */
async function explained({ folder }: Here): Promise<string> {
  writeFiles(folder, {
    "etc/eddy.config.toml": `${"\n".repeat(6)}maxBody = "1KiB"\n`,
    "eddy.config.yaml": "app: ./app.ts\nmaxBody: 2KiB\n",
  });
  const configuration = await configure(await flagsOf("--workers", "5"), {
    env: { EDDY_WORKERS: "4" },
    folders: ["etc", "."],
  });
  return explain(configuration)
    .replaceAll("etc/", "/etc/eddy/")
    .split("\n")
    .filter((line) => /^(maxBody|workers) /.test(line))
    .join("\n");
}

/** The line that says that the command serves. */
function banner(): string {
  const lines: string[] = [];
  const log = { info: (_: object, text: string) => lines.push(text) };
  const address = { url: "http://127.0.0.1:8000", host: "127.0.0.1" };
  const addresses = [{ ...address, port: 8000 }];
  const spec = { prefix: "/", written: "app.ts" };
  announce({ log } as never, [spec as never], [], {
    ready: [{ pid: 4712, addresses }],
  } as never);
  return lines.join("\n").replace(String(process.pid), "4711");
}

async function diagnosis({ folder }: Here): Promise<string> {
  const lines = [
    "server {",
    "  location / {",
    "    proxy_set_header Host $host;",
    '    proxy_set_header X-Forwarded-For "";',
    "    proxy_set_header X-Forwarded-Proto $scheme;",
    '    proxy_set_header X-Forwarded-Host "";',
    '    proxy_set_header Forwarded "";',
    "",
    "    proxy_pass http://127.0.0.1:8000;",
    "  }",
    "}",
  ];
  writeFiles(folder, { "site.conf": lines.join("\n") });
  return report(
    await examine(await flagsOf("--trust-proxy", "loopback"), ["site.conf"]),
  );
}

/** A line of it, whose times and names are another's. */
async function accessLine(
  _: Here,
  shown: Record<string, unknown>,
): Promise<unknown> {
  const lines: string[] = [];
  const destination = new Writable({
    write(line: Buffer, _, done) {
      lines.push(line.toString());
      done();
    },
  });
  const loop = new Loop({ accessLog: true, log: pino(destination) });
  afterTest(() => loop.close());
  loop.get("/users/:id", () => "hello world\n");
  await (await loop.fetch("/users/5")).text();
  const line = JSON.parse(lines.at(-1)!) as Record<string, unknown>;
  expect(Object.keys(line)).to.deep.equal(Object.keys(shown));
  expect(line["requestId"]).to.match(/^[\da-f]{8}-\d+$/);
  expect(shown["requestId"]).to.match(/^[\da-f]{8}-\d+$/);
  for (const name of ["time", "pid", "hostname", "durationMs"])
    expect(line[name]).to.be.a(typeof shown[name]);
  const { time, pid, hostname, durationMs, requestId } = shown;
  return { ...line, time, pid, hostname, durationMs, requestId };
}

const asAlice: Test = async ({ words }, { folder }) => {
  const loop = new Loop({ log: false });
  afterTest(() => loop.close());
  loop.mount((request) => `hello ${request.peerCertificate?.subject}`);
  const ca = join(folder, "clients.pem");
  const { port } = await loop.listen({
    port: 0,
    host: "127.0.0.1",
    tls: { ...CERTIFICATE, verifyClient: "require", ca },
  });
  const args = words
    .slice(1)
    .map((word) => word.replace("localhost:8443", `127.0.0.1:${port}`));
  const curl = spawn(words[0]!, [...args, "--silent"], { cwd: folder });
  expect(await text(curl.stdout)).to.equal("hello CN=alice");
};

/** Those of docs/python.md. */
const IMPORTS: Page = [
  sh([
    imports(
      { "uwsgi.ini": "[uwsgi]\nmodule = app:app\nprocesses = 3\n" },
      { pythonProcesses: 3 },
    ),
    imports(
      { "gunicorn.conf.py": 'wsgi_app = "app:app"\nthreads = 2\n' },
      { pythonThreads: 2 },
    ),
    does("config", "test/lib/cli/settings.test.ts: and tells what it overrode"),
  ]),
  sh([
    imports({}, { http: ["127.0.0.1:80"], pythonProcesses: 4 }),
    imports({}, { pythonProcesses: 4 }),
    imports({ "hypercorn.toml": "workers = 5\n" }, { pythonProcesses: 5 }),
    imports({ "hypercorn.toml": "workers = 6\n" }, { pythonProcesses: 6 }),
  ]),
];

export const OPERATING: Readonly<Record<string, Page>> = {
  "docs/command.md": [
    sh([
      gives(
        { app: "app.ts", http: ["127.0.0.1:8000"] },
        `${APPS}: a TypeScript file's default export`,
      ),
      gives({ http: ["0.0.0.0:9000"] }),
      gives({ app: "./app.js:service" }, `${APPS}: a named export`),
      gives(
        { app: "app.ts", http: [":9000"], workers: 4 },
        "test/slow/command-workers.test.ts: share the port, as many as there are to be",
      ),
      gives(
        { http: [":8000", "unix:/run/app.sock=node"] },
        "test/slow/command-engine.test.ts: takes several addresses, each with its engine",
      ),
      gives(
        { app: "", mount: ["/=./app.ts", "/old=wsgi:./legacy.js:app"] },
        `${APPS}: several applications, each at its prefix`,
      ),
      gives(
        { app: "app.ts", static: ["/assets=./public"] },
        `${APPS}: the files of folders, beside an application, a whole Loop, and alone`,
      ),
      gives(
        { app: "", static: ["/=./dist"] },
        `${APPS}: the files of folders, beside an application, a whole Loop, and alone`,
      ),
      gives(
        { app: "python:app:app" },
        `${APPS}: an application of Python, beside others`,
      ),
      gives(
        { app: "server.js", takeListen: true },
        "test/slow/command-node.test.ts: a program with its own listen()",
      ),
      gives(
        { app: "app.ts", uwsgi: "127.0.0.1:3031" },
        "test/slow/command-uwsgi.test.ts: serves front servers beside HTTP",
      ),
    ]),
    config(
      {
        app: "./app.ts",
        workers: "auto",
        requestTimeout: 30_000,
        maxBody: 2 * 1024 ** 2,
      },
      { DATABASE_URL: "where the data is" },
    ),
    printed(explained),
    printed(banner),
  ],
  "docs/doctor.md": [
    sh([
      does(
        "doctor",
        `${DOCTOR}/doctor.test.ts: looks at this machine where no file is named`,
      ),
      does(
        "doctor",
        `test/slow/doctor-running.test.ts: finds nothing wrong with an eddy that is well`,
      ),
      does("doctor", `${DOCTOR}/doctor.test.ts: finds nothing wrong with`),
      does(
        "doctor",
        `${DOCTOR}/setups.test.ts: has a folder for each, and each folder is one`,
      ),
      does(
        "doctor",
        `${DOCTOR}/doctor.test.ts: looks at the proxies that lead to the address in the settings alone`,
      ),
    ]),
    printed(diagnosis),
  ],
  "docs/engines.md": [
    ts(HELLO),
    sh([
      tested("test/fronts/runtimes.test.ts: samples/hello.ts runs"),
      tested("test/fronts/runtimes.test.ts: samples/hello.ts runs"),
    ]),
    ts({
      asks: [
        ["GET /download", "ab"],
        ["PUT /upload ab", "damaged"],
        ["GET /page", "a page that takes a while"],
      ],
      tests: [
        "test/lib/engine/trailers.test.ts: describe",
        "test/lib/engine/early-hints.test.ts: describe",
      ],
    }),
    ts(HELLO),
  ],
  "docs/http.md": [
    /** With which the tables were made, and no site to be recommended. */
    nginx("app.ts --http 127.0.0.1:8000", [
      "front-idle-time",
      "front-forwarded-for",
    ]),
  ],
  "docs/load-testing.md": [
    sh([gives({ app: "app.ts", http: ["127.0.0.1:8000"], workers: 1 })]),
    sh([
      unheard("autocannon is not installed"),
      unheard("a load takes ten seconds"),
      unheard("a load takes ten seconds"),
      unheard("a load takes ten seconds"),
    ]),
  ],
  "docs/operations.md": [
    ts({
      asks: [["GET /", 404]],
      tests: [
        "test/lifecycle/nginx.test.ts: an application sees who asked, and not who the client says it is",
      ],
    }),
    nginx(
      "app.ts --http 127.0.0.1:8000 --trust-proxy loopback",
      [],
      "test/lifecycle/nginx.test.ts: an application sees who asked, and not who the client says it is",
    ),
    json(accessLine),
    ts({
      before: LOOP,
      after: SERVE,
      asks: [["GET /debug/tasks", /"background":\[\]/]],
    }),
    ts({
      asks: [
        ["GET /", "hello"],
        ["GET /status", /"mounts": ?\[/],
        ["GET /status", 302, { accept: "text/html" }],
        [
          "GET /status/",
          { headers: { "content-type": /^text\/html/ } },
          { accept: "text/html" },
        ],
      ],
    }),
  ],
  "docs/python.md": [
    partOf(2),
    ts({
      files: { "app.py": 1 },
      missing: () => missingModules("flask"),
      asks: [
        ["GET /healthz", "ok"],
        ["GET /", "Hello, World!"],
      ],
    }),
    python(["fastapi"], [["GET /", '{"hello":"world"}']]),
    ...IMPORTS,
  ],
  "docs/tls.md": [
    ts(HELLO),
    sh([
      gives(
        TLS_ALONE,
        `${TLS}: has several certificates, by the names in them`,
      ),
    ]),
    ts({ asks: [["GET /", /^this is /]] }),
    sh([
      gives(
        {
          http: [":8443"],
          tlsCert: ["example.org.pem", "example.net.pem"],
          tlsKey: ["example.org.key.pem", "example.net.key.pem"],
        },
        `${TLS}: has several certificates, by the names in them`,
      ),
    ]),
    sh([tested("test/slow/deploy.test.ts: has a unit that systemd takes")]),
    sh([
      gives(
        {
          http: [":443"],
          pid: "/run/eddy.pid",
          tlsCert: ["/etc/letsencrypt/live/example.org/fullchain.pem"],
          tlsKey: ["/etc/letsencrypt/live/example.org/privkey.pem"],
        },
        `${TLS}: has the certificates anew with SIGHUP`,
      ),
    ]),
    ts(HELLO),
    ts({ asks: [["GET /", "hello undefined"]] }),
    sh(
      [
        runs,
        runs,
        runs,
        gives(
          { ...TLS_ALONE, tlsVerifyClient: "require", tlsCa: "clients.pem" },
          `${TLS}: asks clients for certificates with --tls-verify-client`,
        ),
        asAlice,
      ],
      { missing: () => OPENSSL_MISSING ?? missing("curl") },
    ),
  ],
  "docs/traces.md": [
    sh([installs]),
    ts({
      byNode: true,
      asks: [["GET /prices/7", "7: 12.50"]],
      tests: [
        "test/lifecycle/command-traces.test.ts: sends the spans of its workers",
      ],
    }),
  ],
  "docs/uwsgi.md": [
    ts({ asks: [["GET /legacy", 502]] }),
    sh([
      tested("test/adapters/uwsgi.test.ts: --plugin python3 --master"),
      tested('test/adapters/uwsgi.test.ts: "--protocol",'),
    ]),
    ts({
      before: LOOP,
      after: SERVE,
      stage: async () => ({ "127.0.0.1:8080": await standIn() }),
      asks: [["GET /x", "asked /x"]],
    }),
    ts({
      before:
        'import { Loop } from "eddy"; import { uwsgi } from "eddy/adapters/uwsgi"; const application =',
      after: "await new Loop().mount(application).serve(8000);",
      stage: async () => ({ "10.0.0.7": "127.0.0.1" }),
      asks: [["GET /", 502]],
      tests: [
        "test/adapters/uwsgi.test.ts: goes to another upstream when one cannot be reached, whatever the method",
      ],
    }),
    ts({
      before:
        'import { Loop } from "eddy"; import { http } from "eddy/adapters/http"; const application =',
      after: "await new Loop().mount(application).serve(8000);",
      stage: async () => ({
        "10.0.0.7:8080": await standIn(),
        "10.0.0.8:8080": await standIn(),
      }),
      asks: [["GET /x", "asked /x"]],
      tests: [
        "test/adapters/http.test.ts: asks for the health of its servers, and leaves out who is not well",
      ],
    }),
    ts({
      before: `${LOOP} loop.mount(() => "hello");`,
      asks: [["GET /", "hello"]],
      tests: ["test/lifecycle/nginx-sites.test.ts: says who asks"],
    }),
    sh([
      gives(
        { app: "app.ts", uwsgi: "unix:/run/eddy.sock" },
        "test/slow/command-uwsgi.test.ts: gives the socket to the user of the workers",
      ),
    ]),
    nginx(
      "app.ts --uwsgi 127.0.0.1:3031",
      [],
      "test/lifecycle/nginx-sites.test.ts: says who asks",
    ),
  ],
};
