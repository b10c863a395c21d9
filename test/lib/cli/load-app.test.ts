/** Why an application does not load, without the command's processes. */
import { expect } from "chai";
import { appSpecs } from "../../../lib/cli/app-spec.ts";
import { CommandFailure } from "../../../lib/cli/failure.ts";
import { loadApp } from "../../../lib/cli/load-app.ts";
import type { Settings } from "../../../lib/cli/schema.ts";
import { folderWith } from "../../support/folder.ts";

/** What loading an application from such a folder fails with. */
async function failureOf(
  files: Record<string, string>,
  app: string,
): Promise<unknown> {
  const [spec] = appSpecs({ app, mount: [] as string[] } as Settings);
  const before = process.cwd();
  const packages = ["effection", "h3", "hono", "itty-router", "graphql-yoga"];
  process.chdir(folderWith(files, { packages }));
  try {
    return await loadApp(spec!, {});
  } catch (error) {
    return error;
  } finally {
    process.chdir(before);
  }
}

describe("What exports a `fetch` loads as it is, and is never awaited:", () => {
  for (const [what, source] of [
    ["Hono", 'import { Hono } from "hono"; export default new Hono();'],
    ["a module for Workers", "export default { fetch: () => new Response() };"],
    [
      "itty-router, a Proxy with a `then`",
      'import { AutoRouter } from "itty-router"; export default AutoRouter();',
    ],
    [
      "such a Proxy, by the name app",
      'import { AutoRouter } from "itty-router"; export const app = AutoRouter();',
    ],
    ["h3", 'import { H3 } from "h3"; export default new H3();'],
    [
      "graphql-yoga, a function with a `fetch`",
      'import { createYoga } from "graphql-yoga"; export default createYoga({ logging: false });',
    ],
  ] as const)
    for (const file of ["app.mjs", "app.ts"])
      it(`${what}, ${file}`, async () => {
        const folder = { [file]: source };
        expect(await failureOf(folder, file)).to.have.property("handle");
      });
});

describe("An application does not load, and the message says why, when", () => {
  for (const [what, files, app, message] of [
    [
      "the file is a folder",
      { "app/index.ts": "" },
      "app",
      /^the application app does not load: \/.*\/app is a folder; name the file in it$/m,
    ],
    [
      "the name has two lines",
      {},
      "one\ntwo.js:app",
      /^the application one\ntwo\.js:app does not load: there is no file \/.*\/one\ntwo\.js$/,
    ],
    [
      "the export is missing",
      { "app.ts": "export const api = () => '';" },
      "app.ts",
      /app\.ts has no export default or app; it has api$/m,
    ],
    [
      "the named export is missing",
      { "app.ts": "" },
      "app.ts:api",
      /app\.ts has no export api; it exports nothing; export a handler or a Loop, or end it with `await loop\.serve\(8000\)`; one that listens by itself, as with Express, is run with --take-listen$/m,
    ],
    [
      "the export is no application",
      { "app.ts": "export default 5;" },
      "app.ts",
      /not an application but a number; a function, .* is one$/m,
    ],
    [
      "the export takes more than a handler does",
      { "app.ts": "export default (req: unknown, res: unknown) => 1;" },
      "app.ts",
      /a function of 2 parameters, and a handler has one: .* node\(\) of eddy\/adapters\/node, .* wsgi:app\.ts$/m,
    ],
    [
      "the export of a WSGI-style application is none",
      { "app.ts": "export default {};" },
      "wsgi:app.ts",
      /a WSGI-style application is a function, not an object$/m,
    ],
    [
      "TypeScript throws",
      {
        "app.ts": "const a: number = 1;\n\nthrow new TypeError('no database');",
      },
      "app.ts",
      /TypeError: no database\n {2}at app\.ts:3$/m,
    ],
    [
      "something throws what is no error",
      { "app.mjs": "throw 'text';" },
      "app.mjs",
      /does not load: it throws text$/m,
    ],
    [
      "TypeScript has a syntax error",
      { "app.ts": "const a = 1;\nconst b = ;" },
      "app.ts",
      /SyntaxError: .*\/app\.ts:2:11: Expression expected\n 1 \| const a = 1;\n 2 \| const b = ;\n {3}: {11}\^\n {2}at app\.ts:2$/m,
    ],
    [
      "JavaScript has a syntax error",
      { "app.mjs": "const a = 1;\nconst b = ;" },
      "app.mjs",
      /SyntaxError: Unexpected token ';'\n {2}at app\.mjs:2$/m,
    ],
    [
      "a module that it imports has a syntax error",
      {
        "app.mjs": "import './a.mjs'; process.exitCode = 77;",
        "a.mjs": "import './b.mjs';",
        "b.mjs": "const a = 1;\nconst b = ;",
      },
      "app.mjs",
      /SyntaxError: Unexpected token ';'\n {2}at b\.mjs:2$/m,
    ],
    [
      "a module that its TypeScript imports has a syntax error",
      {
        "package.json": '{ "type": "module" }',
        "app.ts": "import './a.js';",
        "a.ts": "import './b.mjs';",
        "b.mjs": "const a = 1;\nconst b = ;",
      },
      "app.ts",
      /SyntaxError: Unexpected token ';'\n {2}at b\.mjs:2$/m,
    ],
    [
      "a module that it requires has a syntax error",
      { "app.cjs": "require('./b.cjs');", "b.cjs": "\n\nconst b = ;" },
      "app.cjs",
      /SyntaxError: Unexpected token ';'\n {2}at b\.cjs:3$/m,
    ],
    [
      "an import has a name that is not exported",
      {
        "app.mjs": "import './a.mjs';",
        "a.mjs": "import {\n  b\n} from './b.mjs';",
        "b.mjs": "",
      },
      "app.mjs",
      /SyntaxError: The requested module '\.\/b\.mjs' does not provide an export named 'b'\n {2}at a\.mjs:2$/m,
    ],
    [
      "TypeScript has decorators of parameters, which no setting asks for",
      {
        "app.ts":
          "const d: any = 0;\nexport class A {\n  a(@d b: number) {}\n}",
        "tsconfig.json": "{}",
      },
      "app.ts",
      /\n {2}at app\.ts:\d$/m,
    ],
    [
      "an import is missing",
      { "app.mjs": "import './b.mjs';" },
      "app.mjs",
      /Cannot find module '.*b\.mjs' imported from .*app\.mjs$/m,
    ],
  ] as [string, Record<string, string>, string, RegExp][])
    it(what, async () => {
      const failure = await failureOf(files, app);
      expect(failure).to.be.instanceOf(CommandFailure);
      expect(failure).to.include({ exitCode: 3 });
      expect((failure as Error).message).to.match(message);
    });
});
