/** What is published, used as README.md tells a newcomer to. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { expect } from "chai";
import { Eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { ROOT } from "../support/root.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const [, APP = "", COMMAND = ""] =
  /npm install \S+\.tgz.*\necho '(.*)' > app\.ts\nnpx (eddy app\.ts)/.exec(
    README,
  ) ?? [];

/** Runs to its end, or fails with what it said. */
function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout.trim();
}

/** As `npm install` of the file leaves it, but for the registry: the packed files, beside what the package depends on and nothing else. */
function install(folder: string): { bin: Record<string, string> } {
  const modules = join(folder, "node_modules");
  rmSync(modules, { recursive: true });
  const pack = ["pack", "--silent", "--ignore-scripts"];
  const archive = run(ROOT, "npm", ...pack, "--pack-destination", folder);
  const place = join(modules, "eddy");
  mkdirSync(place, { recursive: true });
  run(folder, "tar", "-xzf", archive, "--strip-components=1", "-C", place);
  const manifest = JSON.parse(
    readFileSync(join(place, "package.json"), "utf8"),
  );
  for (const name of Object.keys({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
  })) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  return manifest;
}

/** Paths from `root`, of its folder and those within. */
function filesIn(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), {
    recursive: true,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

describe("The package", function () {
  this.timeout(PATIENCE_MS);

  it("is all that a newcomer's application needs", async () => {
    expect(COMMAND).to.equal("eddy app.ts");
    const folder = folderWith({ "app.ts": APP });
    const { bin } = install(folder);
    const main = join(folder, "node_modules/eddy", bin["eddy"]!);
    const command = new Eddy(
      folder,
      ["app.ts", "--http", "127.0.0.1:0"],
      {},
      main,
    );
    expect(await command.text()).to.equal("Hello, World!");
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });

  it("has a file behind each name that can be imported", () => {
    const folder = folderWith({});
    install(folder);
    for (const name of [
      "eddy",
      "eddy/adapter",
      "eddy/wait",
      "eddy/operations",
      "eddy/config",
      "eddy/adapters/wsgi",
    ])
      run(
        folder,
        process.execPath,
        "--input-type=module",
        "-e",
        `await import(${JSON.stringify(name)})`,
      );
  });

  it("has the samples that its pages and the command speak of", () => {
    const folder = folderWith({});
    install(folder);
    const place = join(folder, "node_modules/eddy");
    const speakers = [...filesIn(place, "docs"), ...filesIn(place, "dist/lib")];
    const named = speakers.flatMap((file) =>
      [
        ...readFileSync(join(place, file), "utf8").matchAll(
          /\bsamples\/[\w./-]*\w/g,
        ),
      ].map(([sample]) => sample),
    );
    expect(named).to.include("samples/deploy/eddy.service");
    expect(
      named.filter((sample) => !existsSync(join(place, sample))),
    ).to.deep.equal([]);
  });

  it("depends on what it imports, and on nothing else", () => {
    const sources = [...filesIn(ROOT, "lib"), ...filesIn(ROOT, "adapters")];
    const imported = sources.flatMap((file) =>
      [
        ...readFileSync(join(ROOT, file), "utf8").matchAll(
          /(?:\bfrom |^import |\bimport\(|\brequire\()"((?:@[\w-]+\/)?[\w][\w.-]*)(?:\/[^"]*)?"/gm,
        ),
      ].map(([, name]) => name!),
    );
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(ROOT, "package.json"), "utf8"),
    ) as { dependencies: object; optionalDependencies: object };
    const packages = new Set(
      imported.filter((name) => !["eddy", ...builtinModules].includes(name)),
    );
    expect([...packages]).to.have.members(
      Object.keys({ ...dependencies, ...optionalDependencies }),
    );
  });
});
