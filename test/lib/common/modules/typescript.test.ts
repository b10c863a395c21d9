import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { PATIENCE_MS } from "../../../support/command.ts";
import { folderWith } from "../../../support/folder.ts";
import { ROOT } from "../../../support/root.ts";
import { FEATURES, type Feature } from "./typescript-features.ts";

const OURS = join(ROOT, "dist/lib/common/modules/import-module.js");

/** Imports each of the files, and gives what it prints, or what it throws. */
const RUN = `
  const { importModule } = await import(${JSON.stringify(OURS)});
  const { format } = await import("node:util");
  const printed = [];
  for (const file of process.argv.slice(1)) {
    let text = "";
    console.log = (...values) => void (text += format(...values) + "\\n");
    try {
      await (await importModule(file)).done;
    } catch (error) {
      text += error.stack;
    }
    printed.push(text);
  }
  process.stdout.write(JSON.stringify(printed));`;

function printed(files: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", RUN, ...files],
    { encoding: "utf8" },
  );
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

/** What is to be imported of it. */
function entryOf(feature: Feature, type: string): string {
  const { files, options, packages = [] } = feature;
  const imports = { "#x": "./x.ts", "#y/*": "./*" };
  const folder = folderWith(
    {
      "package.json": JSON.stringify({ type, imports }),
      ...(options && {
        "tsconfig.json": JSON.stringify({ compilerOptions: options }),
      }),
      ...files,
    },
    { packages: [...packages] },
  );
  const app = Object.keys(files).find((name) => name.startsWith("app."));
  return join(folder, app!);
}

describe("TypeScript", function () {
  this.timeout(PATIENCE_MS);

  for (const type of ["module", "commonjs"])
    it(`does what tsx has it do, in a package of type ${type}`, () => {
      const features = FEATURES.filter((one) => (one.type ?? type) === type);
      const found = printed(features.map((one) => entryOf(one, type)));
      const table = (texts: readonly string[]): object =>
        Object.fromEntries(features.map(({ name }, i) => [name, texts[i]]));
      expect(features).to.have.length.above(30);
      expect(table(found)).to.deep.equal(
        table(features.map(({ prints }) => prints)),
      );
    });

  for (const type of ["module", "commonjs"])
    it(`has one copy of a file, whichever link leads to it, in a package of type ${type}`, () => {
      const folder = folderWith({
        "package.json": JSON.stringify({ type }),
        "its.ts": "export const its: object = {};",
        "app.ts": `
          import { its as a } from "./its";
          import { its as b } from "./link";
          console.log(a === b);`,
      });
      symlinkSync("its.ts", join(folder, "link.ts"));
      expect(printed([join(folder, "app.ts")])).to.deep.equal(["true\n"]);
    });
});
