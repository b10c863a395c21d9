import { once } from "node:events";
import { expect } from "chai";
import { EarlyProcess } from "../../../lib/cli/early-process.ts";
import { argumentsOf } from "../../../lib/cli/worker-fork.ts";
import { afterTest } from "../../support/hooks.ts";
import { folderWith } from "../../support/folder.ts";

const env = { ...process.env, EDDY_WORKERS: undefined };
const AS_IT_IS = {
  env: { ...env },
  execArgv: argumentsOf({ compiles: false }),
};

/** Of an application in `app.js`. */
function early(): EarlyProcess {
  const it = EarlyProcess.guess(["app.js"], env)!;
  afterTest(() => it.end());
  return it;
}

describe("EarlyProcess.guess()", () => {
  for (const words of [
    [],
    ["app:app"],
    ["check", "app.js"],
    ["--http", ":8000", "app.js"],
    ["app.js", "--workers", "0"],
    ["app.js", "--workers=0"],
  ])
    it(`starts nothing for eddy ${words.join(" ")}`, () => {
      expect(EarlyProcess.guess(words, env)).to.equal(undefined);
    });

  it("starts nothing where EDDY_WORKERS says how many there are", () => {
    const some = { ...env, EDDY_WORKERS: "0" };
    expect(EarlyProcess.guess(["app.js"], some)).to.equal(undefined);
  });
});

describe("EarlyProcess.take()", () => {
  it("gives the process, once, to whom it fits, and it is not ended", async () => {
    const it = early();
    const child = it.take(AS_IT_IS)!;
    it.end();
    expect(it.take(AS_IT_IS)).to.equal(undefined);
    child.disconnect(); // by which it ends itself
    expect(await once(child, "exit")).to.deep.equal([0, null]);
  });

  for (const [what, options] of Object.entries({
    user: { ...AS_IT_IS, uid: 1 },
    group: { ...AS_IT_IS, gid: 1 },
    variable: { ...AS_IT_IS, env: { ...env, GREETING: "hello" } },
    "variable less": { ...AS_IT_IS, env: {} },
    language: { ...AS_IT_IS, execArgv: argumentsOf({ compiles: true }) },
  }))
    it(`gives none for another ${what}`, () => {
      expect(early().take(options)).to.equal(undefined);
    });

  it("gives none for another folder", () => {
    const it = early();
    const here = process.cwd();
    afterTest(() => process.chdir(here));
    process.chdir(folderWith({}));
    expect(it.take(AS_IT_IS)).to.equal(undefined);
  });

  for (const what of ["getuid", "getegid", "getgroups"] as const)
    it(`gives none for what another process.${what}() would start`, () => {
      const it = early();
      const own = process[what]!;
      afterTest(() => void Object.assign(process, { [what]: own }));
      Object.assign(process, { [what]: () => 4711 });
      expect(it.take(AS_IT_IS)).to.equal(undefined);
    });

  it("gives none for another mask", () => {
    const it = early();
    const mask = process.umask(0o77);
    afterTest(() => process.umask(mask));
    expect(it.take(AS_IT_IS)).to.equal(undefined);
  });
});
