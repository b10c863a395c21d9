/** The process of the first worker, which starts before the settings are known: what real commands may meet. */
import { expect } from "chai";
import { itOnUws } from "../support/native.ts";
import { eddy, Eddy } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { NOBODY, reachableByOthers } from "../support/other-user.ts";

const APP = `export default () => String(process.getuid());`;

/** An application whose settings are a module that does this. */
const filesThat = (does: string): Record<string, string> => ({
  "app.mjs": APP,
  "package.json": `{"type":"module"}`,
  "eddy.config.js": `${does}\nexport default {};`,
});

const NEVER = "await new Promise(() => {});";

describe("eddy app.mjs, with a config file that is a module", () => {
  for (const words of [
    ["app.mjs"],
    ["app.mjs", "--workers", "0"],
    ["check", "app.mjs"],
    ["config"],
  ])
    it(`says that it never loads: ${words.join(" ")}`, async () => {
      const command = new Eddy(folderWith(filesThat(NEVER)), words);
      expect(await command.ended).to.equal(2);
      expect(command.stderr).to.match(
        /^eddy: the config file .*\/eddy.config.js does not load: Error: it awaits something that never comes\n$/,
      );
    });

  itOnUws("starts another first worker where it has been killed", async () => {
    const command = eddy(
      folderWith(
        filesThat(`
        import { readFileSync } from "node:fs";
        import { setTimeout as pause } from "node:timers/promises";
        const children = () =>
          readFileSync(\`/proc/self/task/\${process.pid}/children\`, "utf8").match(/\\d+/g) ?? [];
        for (const pid of children()) process.kill(Number(pid), "SIGKILL");
        while (children().length > 0) await pause(5);`),
      ),
      ["app.mjs"],
    );
    await command.text();
    expect(command.log.filter(({ level }) => level > 30)).to.deep.equal([]);
    expect(command.stderr).to.equal("");
  });

  it("has its workers run as whom it has become", async function () {
    const reachable = reachableByOthers(this);
    const does = `process.setgid(${NOBODY}); process.setuid(${NOBODY});`;
    const folder = reachable.folderWith(filesThat(does));
    const words = ["app.mjs", "--http", "127.0.0.1:0"];
    const command = new Eddy(folder, words, {}, reachable.main);
    expect(await command.text()).to.equal(String(NOBODY));
  });
});

describe("eddy, in a folder that has been removed", () => {
  for (const words of [["app.mjs"], ["app.mjs", "--workers", "0"]])
    it(`says so: eddy ${words.join(" ")}`, async () => {
      const folder = folderWith({});
      const command = new Eddy(
        folder,
        [...words, "--chdir", folderWith({ "app.mjs": APP })],
        {},
        undefined,
        ["sh", "-c", `rm -r ${folder} && exec "$0" "$@"`],
      );
      expect(await command.ended).to.equal(2);
      expect(command.stderr).to.match(
        /^eddy: the working directory has been removed: ENOENT.*\n$/,
      );
    });
});
