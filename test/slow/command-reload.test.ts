/** The command in development: it reloads what changes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { eddy, PATIENCE_MS, type Eddy } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { needsPython, PYTHON } from "../support/python.ts";

describe("With --reload the command", function () {
  this.timeout(PATIENCE_MS);

  for (const [what, app, part] of [
    ["TypeScript", "app.ts", "part.ts"],
    ["JavaScript", "app.mjs", "part.mjs"],
  ] as const)
    it(`runs the ${what} anew when a file that it imported changes, also after an error`, async () => {
      const path = folderWith({
        [app]: `import { text } from "./${part}"; export default () => text;`,
        [part]: "export const text = 'before';",
      });
      const command = eddy(path, [app, "--reload"]);
      expect(await command.text()).to.equal("before");
      await command.logged(/^watching 2 files$/);
      writeFileSync(join(path, part), "export const text = ;");
      await command.logged(/does not load: .*Error: .*/);
      expect(await command.text()).to.equal("before");
      writeFileSync(join(path, part), "export const text = 'after';");
      await command.logged(/^reloaded 1 worker$/);
      await command.logged(/^stopped$/);
      expect(await command.text()).to.equal("after");
    });

  it("reloads once for files that change together", async () => {
    const names = Array.from({ length: 10 }, (_, i) => `part${i}.mjs`);
    const path = folderWith({
      "app.mjs": `${names.map((name, i) => `import p${i} from "./${name}";`).join("")} export default () => p0;`,
      ...Object.fromEntries(
        names.map((name) => [name, "export default 'before';"]),
      ),
    });
    const command = eddy(path, ["app.mjs", "--reload"]);
    await command.logged(/^watching 11 files$/);
    for (const name of names)
      writeFileSync(join(path, name), "export default 'after';");
    await command.logged(/ has changed$/, names.length);
    command.kill("SIGTTIN"); // has its turn after the reloads there are so far
    await command.logged(/^SIGTTIN received$/);
    const reloads = command.log.filter(({ msg }) => msg === "SIGHUP received");
    expect(reloads.length).to.be.below(names.length - 1); // one, but on a machine that is busy
  });

  /** What is written, one after the other, and the line that says that it has been tried. */
  type Story = readonly (readonly [file: string, text: string, line: RegExp])[];

  async function tell(
    args: string,
    begun: RegExp,
    story: Story,
  ): Promise<{ command: Eddy; path: string }> {
    const path = folderWith({});
    const command = eddy(path, ["--reload", ...args.split(" ")]);
    await command.logged(begun);
    await command.logged(/^nothing serves until a file changes$/);
    for (const [file, text, line] of story) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), text);
      await command.logged(line);
    }
    return { command, path };
  }

  it("waits until there is an application that loads, file by file", async () => {
    const { command } = await tell("app.mjs", /there is no file/, [
      [
        "app.mjs",
        'import * as part from "./lib/part.mjs"; export default part.default;',
        /Cannot find module .*part\.mjs/,
      ],
      ["lib/part.mjs", "process.exit();", /ended with code 0/],
      ["lib/part.mjs", "throw new Error('not yet');", /not yet/],
      ["lib/part.mjs", "export default () => 'now';", /^listening on/],
    ]);
    expect(await command.text()).to.equal("now");
  });

  it("waits for files that are imported by another name, or required", async () => {
    const { command } = await tell("app.ts", /there is no file/, [
      [
        "app.ts",
        'import part from "./part.js"; export default () => part;',
        /Cannot find module '\.\/part\.js'/,
      ],
      ["part.ts", 'export { default } from "./more.cjs";', /more\.cjs/],
      ["more.cjs", 'module.exports = require("./most")', /'\.\/most'/],
      ["most.js", "throw new Error('not yet');", /not yet/],
      ["most.js", "module.exports = 'now';", /^listening on/],
    ]);
    expect(await command.text()).to.equal("now");
  });

  for (const flags of ["", " --no-python-lazy-apps"])
    it(`waits for files of Python, and sees them change${flags}`, async function () {
      needsPython(this);
      const python = `hello:app --python ${PYTHON}${flags}`;
      const { command, path } = await tell(python, /there is no file/, [
        ["hello.py", "from shop.part import app", /No module named 'shop'/],
        ["shop/part.py", "def app(", /SyntaxError/],
        ["shop/late.py", "text = b'now'", /./],
        [
          "shop/part.py",
          `
def app(environ, start_response):
    from shop.late import text
    start_response("200 OK", [])
    return [text]
`,
          /^listening on/,
        ],
      ]);
      expect(await command.text()).to.equal("now");
      await command.logged(/^watching 3 files$/);
      writeFileSync(join(path, "shop/late.py"), "text = b'changed'");
      await command.logged(/^reloaded 1 worker$/);
      await command.logged(/^stopped$/);
      expect(await command.text()).to.equal("changed");
    });
});
