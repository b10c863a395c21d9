/** A command and an application with copies of eddy of their own, as a global command and a local package are. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { eddy, type Eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { RawClient } from "../support/raw-client.ts";
import { ROOT } from "../support/root.ts";

/** With an eddy and an effection that are no links to ours. */
function folderOfItsOwn(app: string): string {
  const folder = folderWith({ "app.mjs": app }, { packages: [] });
  const modules = join(folder, "node_modules");
  rmSync(join(modules, "eddy"));
  for (const part of ["bundle", "package.json"])
    cpSync(join(ROOT, part), join(modules, "eddy", part), { recursive: true });
  cpSync(join(ROOT, "node_modules/effection"), join(modules, "effection"), {
    recursive: true,
  });
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

describe("A command and an application with copies of eddy of their own", function () {
  this.timeout(PATIENCE_MS);

  for (const [what, rest] of [
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
      "a program that ends with serve()",
      `import { Loop } from "eddy";
       const loop = new Loop();
       for (const [path, handler] of Object.entries(handlers)) loop.get(path, handler);
       await loop.serve(1);`,
    ],
  ] as const)
    it(`work together: ${what}`, async () => {
      const command = eddy(folderOfItsOwn(HANDLERS + rest), ["app.mjs"]);
      const answers: Record<string, string> = {};
      for (const path of Object.keys(ANSWERS))
        answers[path] = await ask(command, path);
      expect(answers).to.deep.equal(ANSWERS);
      command.kill("SIGTERM");
      expect(await command.ended).to.equal(0);
    });
});
