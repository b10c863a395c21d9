/** The command in development: it reloads what changes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";

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
      await command.logged(/^reloaded 1 workers$/);
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

  it("waits for a change when the application does not load at the start", async () => {
    const path = folderWith({ "app.mjs": "throw new Error('not yet');" });
    const command = eddy(path, ["app.mjs", "--reload"]);
    await command.logged(/not yet/);
    await command.logged(/^watching 1 files$/);
    writeFileSync(join(path, "app.mjs"), "export default () => 'now';");
    await command.logged(/^listening on/);
  });
});
