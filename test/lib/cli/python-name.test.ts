/** What is taken for an application of Python. */
import { expect } from "chai";
import { appSpecs } from "../../../lib/cli/app-spec.ts";
import type { Settings } from "../../../lib/cli/schema.ts";
import { folderWith } from "../../support/folder.ts";

describe("An application of the command", () => {
  const FILES = {
    "hello.py": "",
    "app.wsgi": "",
    "site/wsgi.py": "",
    "shop/__init__.py": "",
    "wsgi.py": "",
    "lib/far.py": "",
    "app.ts": "",
    "legacy.py": "",
    "legacy.js": "",
    plain: "",
  };
  const before = process.cwd();
  beforeEach(() => process.chdir(folderWith(FILES)));
  afterEach(() => process.chdir(before));

  for (const [app, kind] of [
    ["hello.py", "python"],
    ["hello:app", "python"],
    ["hello", "python"],
    ["hello:make(x=2)", "python"],
    ["app.wsgi", "python"],
    ["app.wsgi:application", "python"],
    ["site.wsgi:application", "python"],
    ["shop:app.inner", "python"],
    ["far:app", "python"],
    ["wsgi:app", "python"],
    ["wsgi:plain", "wsgi"],
    ["wsgi:./legacy.js:app", "wsgi"],
    ["app.ts", "module"],
    ["app.ts:service", "module"],
    ["nosuch.py", "module"],
    ["nosuch:app", "module"],
    ["plain", "module"],
  ] as const)
    it(`${app} is of kind ${kind}`, () => {
      const settings = { app, mount: [], static: [], pythonPath: ["lib"] };
      const [spec] = appSpecs(settings as unknown as Settings);
      expect(spec).to.include({ kind, written: app });
    });
});
