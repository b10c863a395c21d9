/** A command and an application with copies of eddy of their own, as a global command and a local package are. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { eddy, type Eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { RawClient } from "../support/raw-client.ts";
import { ROOT } from "../support/root.ts";

/** With an eddy that is no link to ours, and an effection that is none unless both have the same. */
function folderOfItsOwn(app: string, effection: Effection): string {
  const folder = folderWith({ "app.mjs": app }, { packages: [] });
  const modules = join(folder, "node_modules");
  rmSync(join(modules, "eddy"));
  for (const part of ["bundle", "package.json"])
    cpSync(join(ROOT, part), join(modules, "eddy", part), { recursive: true });
  const [installed, own] = [
    join(ROOT, "node_modules/effection"),
    join(modules, "effection"),
  ];
  if (effection === "shared") symlinkSync(installed, own);
  else cpSync(installed, own, { recursive: true });
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  ) as Record<string, object>;
  for (const name of Object.keys({
    ...dependencies,
    ...optionalDependencies,
  })) {
    if (name === "effection") continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  return folder;
}

/** npm installs one for both where it can. */
type Effection = "shared" | "its own";

async function ask(command: Eddy, path: string): Promise<string> {
  const { port } = new URL(await command.url());
  const client = await RawClient.connect(Number(port));
  client.request(`GET ${path}`, ["connection: close"]);
  const reply = await client.untilClosed();
  return `${reply.split(" ")[1]} ${reply.split("\r\n\r\n").slice(1).join()}`;
}

const HANDLERS = `
  import { BadRequestError, json, stream } from "eddy";
  import { all, sleep, spawn, until } from "eddy/operations";
  const handlers = {
    "/json": () => json({ a: 1 }),
    "/bad": () => { throw new BadRequestError("no such thing"); },
    "/bad-later": async () => { throw new BadRequestError("no such thing"); },
    "/sleep": function* () { yield* sleep(1); return "slept"; },
    "/tasks": function* () {
      const task = yield* spawn(function* () { yield* sleep(1); return "b"; });
      return (yield* all([until(Promise.resolve("a")), task])).join("");
    },
    "/stream": () => stream(function* (out) { yield* out.write("1"); yield* sleep(1); yield* out.write("2"); }),
    "/scope": async (request) => await request.scope.run(function* () { yield* sleep(1); return "scoped"; }),
    "/text": async (request) => "x" + await request.text(),
  };`;

const PROGRAM = `
  import { Loop } from "eddy";
  import * as own from "eddy/operations";
  import { AsyncLocalStorage } from "node:async_hooks";
  import { WebSocket } from "ws";
  const { OTHER } = process.env;
  const store = new AsyncLocalStorage();
  const { asWs, stream, upgrade } = await import(OTHER + "/lib/index.js");
  const other = await import(OTHER + "/lib/operations.js");
  const { fetch: fetchApp } = await import(OTHER + "/adapters/fetch.js");
  const { requestTimeout, secureHeaders } = await import(OTHER + "/lib/middleware/index.js");
  const tasks = ({ all, resource, sleep, spawn, until }) => function* () {
    const task = yield* spawn(function* () { yield* sleep(1); return "b"; });
    const a = yield* resource(function* (provide) { yield* provide("a"); });
    return (yield* all([until(Promise.resolve(a)), task])).join("");
  };
  const loop = new Loop({ log: false })
    .use(secureHeaders())
    .use("/slow", requestTimeout(20))
    .get("/before", tasks(own))
    .get("/other", tasks(other))
    .get("/store", () => store.run("kept", () => stream(function* (out) {
      yield* own.sleep(1);
      yield* out.write(String(store.getStore()));
    })))
    .websocket("/ws", upgrade(async (socket) => void asWs(socket).send("as ws")))
    .mount("/fetch", fetchApp(() => new Response("fetched")))
    .get("/slow", tasks({ ...own, sleep: () => own.sleep(60_000) }));
  const { url } = await loop.listen(0);
  const seen = {};
  seen["/ws"] = await new Promise((resolve) =>
    new WebSocket(url.replace("http", "ws") + "/ws").on("message", (data) => resolve(String(data))).on("close", resolve));
  for (const path of ["/before", "/other", "/fetch", "/store", "/slow"]) {
    const response = await fetch(url + path);
    const text = await response.text();
    const isSecure = response.headers.get("x-content-type-options") === "nosniff";
    seen[path] = response.status + " " + (isSecure || response.status === 503 ? text.trim() : "no fields");
  }
  await loop.close();
  console.log(JSON.stringify(seen));`;

const ANSWERS = {
  "/json": '200 {"a":1}',
  "/bad": "400 no such thing\n",
  "/bad-later": "400 no such thing\n",
  "/sleep": "200 slept",
  "/tasks": "200 ab",
  "/stream": "200 1\r\n1\r\n1\r\n2\r\n0,",
  "/scope": "200 scoped",
  "/text": "200 x",
};

for (const effection of ["shared", "its own"] as const)
  describe(`A command and an application with copies of eddy of their own, effection ${effection}`, function () {
    this.timeout(PATIENCE_MS);

    const kinds: [what: string, rest: string, others?: object][] = [
      [
        "a handler",
        "export default (request) => handlers[request.path](request);",
      ],
      [
        "a Loop, with an adapter of its own",
        `import { Loop } from "eddy";
       import { wsgi } from "eddy/adapters/wsgi";
       const loop = new Loop().mount("/wsgi", wsgi((environ, startResponse) => {
         startResponse("200 OK", []);
         return ["wsgi"];
       }));
       for (const [path, handler] of Object.entries(handlers)) loop.get(path, handler);
       export default loop;`,
      ],
      [
        "an application in threads",
        `import { wsgi } from "eddy/adapters/wsgi";
       const module = new URL("data:text/javascript,export default (environ, startResponse) => { startResponse('200 OK', []); return ['threads']; }");
       const threads = wsgi({ module, threads: 1 });
       export default { open: threads.open.bind(threads), handle: (request) => request.path === "/text" ? threads.handle(request) : handlers[request.path](request) };`,
        { "/text": "200 threads" },
      ],
      [
        "a program that ends with serve()",
        `import { Loop } from "eddy";
       const loop = new Loop();
       for (const [path, handler] of Object.entries(handlers)) loop.get(path, handler);
       await loop.serve(1);`,
      ],
    ];
    for (const [what, rest, others] of kinds)
      it(`work together: ${what}`, async () => {
        const folder = folderOfItsOwn(HANDLERS + rest, effection);
        const command = eddy(folder, ["app.mjs"]);
        const answers: Record<string, string> = {};
        for (const path of Object.keys(ANSWERS))
          answers[path] = await ask(command, path);
        expect(answers).to.deep.equal({ ...ANSWERS, ...others });
        command.kill("SIGTERM");
        expect(await command.ended).to.equal(0);
      });

    it("work together: a loop of the one, operations, an adapter and middleware of the other", () => {
      const folder = folderOfItsOwn(PROGRAM, effection);
      const { stdout, stderr } = spawnSync(process.execPath, ["app.mjs"], {
        cwd: folder,
        env: {
          ...process.env,
          OTHER: pathToFileURL(join(ROOT, "bundle")).href,
        },
        encoding: "utf8",
        timeout: 20_000,
      });
      expect(stderr).to.equal("");
      expect(JSON.parse(stdout)).to.deep.equal({
        "/ws": "as ws",
        "/store": "200 kept",
        "/before": "200 ab",
        "/other": "200 ab",
        "/fetch": "200 fetched",
        "/slow": "503 something went wrong here",
      });
    });
  });
