/** What is published, used as README.md tells a newcomer to. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { expect } from "chai";
import { Eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { ROOT } from "../support/root.ts";
import { PROGRAM, TSCONFIG } from "../support/typed-program.ts";
import { withoutDeadLinks } from "../../tools/readme.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const [, APP = "", COMMAND = ""] =
  /In `app\.ts`:\n\n```ts\n([^]*?)```\n\n```sh\nnpx (eddy app\.ts)/.exec(
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

/**
 * As `npm install` of the file leaves it, but for the registry: the packed files, beside what the package depends on
 * and nothing else.
 */
function install(
  folder: string,
  ...more: readonly string[]
): {
  bin: Record<string, string>;
  exports: Record<string, string>;
  peerDependencies: object;
} {
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
    ...Object.fromEntries(more.map((name) => [name, "*"])),
  })) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  return manifest;
}

/** What becomes of importing each of the names: a code, or that it is there. */
function imported(folder: string, names: readonly string[]): string[] {
  const program = `
    const found = [];
    for (const name of ${JSON.stringify(names)})
      found.push(
        await import(name, name.endsWith("json") ? { with: { type: "json" } } : {}).then(
          () => "there", (error) => error.code));
    console.log(JSON.stringify(found));`;
  const args = ["--no-warnings", "--input-type=module", "-e", program];
  return JSON.parse(run(folder, process.execPath, ...args)) as string[];
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

/** What a file of the bundle imports or requires when it is loaded, with all that it imports itself. */
function packagesOf(entry: string): string[] {
  const packages = new Set<string>();
  const files = new Set([entry]);
  for (const file of files) {
    // which grows meanwhile
    const code = readFileSync(file, "utf8");
    for (const [, imported, required] of code.matchAll(
      /\b(?:import|from)"([^"]+)"|createRequire\w*\(import\.meta\.url\)\(["`]([^"`]+)/g,
    )) {
      const name = (imported ?? required)!;
      if (name.startsWith(".")) files.add(join(dirname(file), name));
      else if (!name.startsWith("node:")) packages.add(name);
    }
  }
  return [...packages];
}

/** Those of docstrings import what their readers have. */
const withoutExamples = (source: string): string =>
  source.replace(/^ *\*.*$/gm, "");

const PEERS = [
  "@nats-io/transport-node",
  "@opentelemetry/api",
  "hono",
  "ioredis",
];

describe("The package", function () {
  this.timeout(3 * PATIENCE_MS); // the compiler runs once for each name

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
    expect(await command.text("/x")).to.equal("Hello from /x\n");
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });

  it("runs what is started by a path: workers, threads and Python", async () => {
    const folder = folderWith({
      "app.ts": `
        import { Loop } from "eddy";
        import { python } from "eddy/adapters/python";
        import { wsgi } from "eddy/adapters/wsgi";
        const module = new URL("./thread.mjs", import.meta.url);
        export default new Loop()
          .mount("/thread", wsgi({ module }))
          .mount("/python", python("app:app", { chdir: import.meta.dirname }));`,
      "thread.mjs": `
        export default (environ, startResponse) => {
          startResponse("200 OK", []);
          return ["thread"];
        };`,
      "app.py": `
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"python"]
`,
    });
    const { bin } = install(folder);
    const main = join(folder, "node_modules/eddy", bin["eddy"]!);
    const args = ["app.ts", "--http", "127.0.0.1:0"];
    const command = new Eddy(folder, args, {}, main);
    expect(await command.text("/thread")).to.equal("thread");
    expect(await command.text("/python")).to.equal("python");
  });

  it("has code and declarations behind each name of its own, and no other can be imported", () => {
    const folder = folderWith({});
    const { exports, peerDependencies } = install(folder, ...PEERS);
    expect(Object.keys(peerDependencies)).to.have.members(PEERS);
    const names = Object.keys(exports).map((name) => `eddy${name.slice(1)}`);
    for (const target of Object.values(exports))
      if (target.endsWith(".js"))
        expect(
          existsSync(
            join(folder, "node_modules/eddy", target.replace(/js$/, "d.ts")),
          ),
          target,
        ).to.equal(true);
    expect(imported(folder, names)).to.deep.equal(names.map(() => "there"));
    expect(
      imported(folder, [
        "eddy/adapters/wsgi/threads/thread",
        "eddy/lib/index.js",
        "eddy/bundle/lib/index.js",
      ]),
    ).to.deep.equal(Array(3).fill("ERR_PACKAGE_PATH_NOT_EXPORTED"));
  });

  it("calls the errors by their names, whichever file they stand in", () => {
    const folder = folderWith({});
    install(folder);
    const wrong = run(
      folder,
      process.execPath,
      "--input-type=module",
      "-e",
      `const all = Object.entries(await import("eddy"));
       const classes = all.filter(([, it]) => it.prototype instanceof Error);
       console.log(classes.length > 10, classes.filter(([name, it]) => it.name !== name).map(([name]) => name).join());`,
    );
    expect(wrong).to.equal("true");
  });

  it("is at most 395 KB, without tests and source maps, and has what its pages and the command speak of", () => {
    const pack = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const [{ size, files }] = JSON.parse(run(ROOT, "npm", ...pack)) as [
      { size: number; files: { path: string }[] },
    ];
    expect(size).to.be.within(100_000, 395_000); // 47 KB of it are docstrings, for editors
    const paths = files.map(({ path }) => path);
    expect(
      paths.filter((path) => /\.map$|(^|\/)(test|dist|docs)\//.test(path)),
    ).to.deep.equal([]);
    const { files: packed } = JSON.parse(
      readFileSync(join(ROOT, "package.json"), "utf8"),
    ) as { files: string[] };
    const there = (file: string): string =>
      readFileSync(join(ROOT, file), "utf8");
    const spoken = paths
      .filter((path) => path.endsWith(".js"))
      .flatMap((path) => there(path).match(/\bsamples\/[\w./-]*\w/g) ?? []);
    const linked = paths
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) => [
        ...withoutDeadLinks(there(path), packed).matchAll(
          /\]\((?![a-z]+:|#)([^)#]+)/g,
        ),
      ])
      .map(([, link]) => link!);
    expect(spoken).to.include("samples/deploy/eddy.service");
    expect(paths).to.include.members([...spoken, ...linked]);
  });

  it("has types that a user's program is checked with, without skipLibCheck", () => {
    const folder = folderWith({
      "app.ts": PROGRAM,
      "tsconfig.json": TSCONFIG,
      "package.json": '{ "type": "module" }',
    });
    install(folder, "@types/node");
    run(folder, join(ROOT, "node_modules/.bin/tsc"), "-p", ".");
  });

  it("has types that bring what they are made of, whatever is imported alone", () => {
    const folder = folderWith({ "package.json": '{ "type": "module" }' });
    const { exports, peerDependencies } = install(
      folder,
      "@types/node",
      "undici-types", // of @types/node
    );
    const flags = "--noEmit --strict --module nodenext --target es2022";
    const peers = Object.keys(peerDependencies);
    for (const place of Object.keys(exports)) {
      if (place.endsWith(".json")) continue;
      const name = place.replace(".", "eddy");
      const file = join(folder, "app.ts");
      writeFileSync(file, `import * as it from "${name}";\nexport { it };\n`);
      const { stdout } = spawnSync(
        join(ROOT, "node_modules/.bin/tsc"),
        [...flags.split(" "), file],
        { cwd: folder, encoding: "utf8" },
      );
      const faults = stdout
        .split("\n")
        .filter((line) => !peers.some((peer) => line.includes(`'${peer}`)));
      expect(faults.join("\n").trim(), name).to.equal("");
    }
  });

  it("takes less than 20 MB with --omit=optional, as README.md says", () => {
    expect(README).to.match(/`--omit=optional` it takes less than 20 MB/);
    const folder = folderWith({});
    install(folder);
    const { packages } = JSON.parse(
      readFileSync(join(ROOT, "package-lock.json"), "utf8"),
    ) as { packages: Record<string, object> };
    const needed = Object.entries(packages)
      .filter(
        ([path, of]) =>
          path &&
          !["dev", "optional", "devOptional"].some((kind) => kind in of),
      )
      .map(([path]) => join(ROOT, path));
    expect(needed).to.have.length.above(10);
    const bytes = [join(folder, "node_modules/eddy"), ...needed]
      .flatMap((place) =>
        filesIn(place, "")
          .filter((file) => !file.includes("node_modules/")) // each is in the list
          .map((file) => statSync(join(place, file)).blocks * 512),
      )
      .reduce((sum, size) => sum + size);
    expect(bytes).to.be.within(5e6, 20e6);
  });

  it("loads what it needs itself, and no package, into threads and into configuration", () => {
    for (const entry of [
      "adapters/wsgi/threads/inside/main.js",
      "lib/cli/watchdog-thread.js",
      "lib/cli/import-thread.js",
      "lib/cli/config.js",
    ])
      expect(packagesOf(join(ROOT, "bundle", entry)), entry).to.deep.equal([]);
    const all = packagesOf(join(ROOT, "bundle/adapters/wsgi.js"));
    expect(all).to.include.members(["effection", "pino"]);
  });

  it("depends on what it imports, and on nothing else", () => {
    const sources = [...filesIn(ROOT, "lib"), ...filesIn(ROOT, "adapters")];
    const imported = sources.flatMap((file) =>
      [
        ...withoutExamples(readFileSync(join(ROOT, file), "utf8")).matchAll(
          /(?:\bfrom |^import |\bimport\(|\brequire\()"((?:@[\w-]+\/)?[\w][\w.-]*)(?:\/[^"]*)?"/gm,
        ),
      ].map(([, name]) => name!),
    );
    const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
      readFileSync(join(ROOT, "package.json"), "utf8"),
    ) as Record<string, object>;
    const packages = new Set(
      imported.filter((name) => !["eddy", ...builtinModules].includes(name)),
    );
    expect([...packages]).to.have.members(
      Object.keys({
        ...dependencies,
        ...optionalDependencies,
        ...peerDependencies,
      }),
    );
  });

  it("pins the republication of uWebSockets.js that README.md names: its version, and what is in it", () => {
    const parsed = (name: string): unknown =>
      JSON.parse(readFileSync(join(ROOT, name), "utf8"));
    const { optionalDependencies } = parsed("package.json") as {
      optionalDependencies: Record<string, string>;
    };
    const { packages } = parsed("package-lock.json") as {
      packages: Record<string, Record<string, unknown>>;
    };
    const { name, version, integrity } =
      packages["node_modules/uWebSockets.js"]!;
    expect(optionalDependencies["uWebSockets.js"]).to.equal(
      `npm:${String(name)}@20.57.0`,
    );
    expect(README).to.include(`\`${String(name)}\``);
    expect({ version, integrity }).to.deep.equal({
      version: "20.57.0",
      integrity:
        "sha512-SuPpEjSKZ7P58L/27BXXsrGsMwLmPupfYny8oJsOmFZ4+zX7Ca97nBPtZ3ngKbfeDZzTyi7rXri74INGerhugg==",
    });
  });
});
