/** The arrows of docs/design.md: who may import whom. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Every import in a folder's sources, as [importer, imported], paths from the root; packages keep their names. */
function importsOf(folder: string): [string, string][] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const importer = join(folder, file);
      const source = readFileSync(join(ROOT, importer), "utf8");
      const specifiers = [
        ...source.matchAll(
          /^(?:import|export) (type )?[^;]*? from "([^"]+)";/gms,
        ),
      ];
      return specifiers
        .filter(([, isType]) => isType === undefined)
        .map(([, , specifier]): [string, string] => [
          importer,
          resolve(importer, specifier!),
        ]);
    });
}

function resolve(importer: string, specifier: string): string {
  return specifier.startsWith(".")
    ? relative(ROOT, join(ROOT, dirname(importer), specifier))
    : specifier;
}

/** All that is loaded with a file. */
function loadedBy(entry: string): Set<string> {
  const edges = [...importsOf("lib"), ...importsOf("adapters")];
  const loaded = new Set([entry]);
  for (const file of loaded)
    // which grows meanwhile
    for (const [importer, imported] of edges)
      if (importer === file) loaded.add(imported);
  return loaded;
}

describe("The layers", () => {
  it("keep lib free of adapters", () => {
    expect(
      importsOf("lib").filter(([, imported]) =>
        imported.startsWith("adapters"),
      ),
    ).to.deep.equal([]);
  });

  it("give an adapter lib/adapter.ts or lib/upstream.ts, adapters/common, its own folder, and nothing else of the project", () => {
    const strays = importsOf("adapters").filter(([importer, imported]) => {
      const name = importer.split(/[/.]/)[1]!;
      const allowed = [
        `adapters/${name}/`,
        `adapters/${name}.ts`,
        "lib/adapter.ts",
        "lib/upstream.ts",
        "adapters/common/",
      ];
      return (
        /^(lib|adapters)\//.test(imported) &&
        !allowed.some((start) => imported.startsWith(start))
      );
    });
    expect(strays).to.deep.equal([]);
  });

  it("leave the engine to lib/engine/uws/load.ts", () => {
    const users = [...importsOf("lib"), ...importsOf("adapters")].filter(
      ([, imported]) => imported === "uWebSockets.js",
    );
    expect(users).to.deep.equal([]); // load.ts itself loads it by require(), so that a failure can be explained
  });

  it("keep the engine and effection out of threads, where each would take megabytes", () => {
    const loaded = loadedBy("adapters/wsgi/threads/inside/main.ts");
    expect([...loaded]).to.include("adapters/wsgi/environ.ts");
    expect(loaded.has("lib/engine/uws/load.ts"), "the engine").to.equal(false);
    expect(loaded.has("effection"), "effection").to.equal(false);
  });

  it("keep the engine out of the supervisor, which never runs the application", () => {
    const loaded = loadedBy("lib/cli/main.ts");
    expect([...loaded]).to.include("lib/cli/supervise.ts");
    expect(loaded.has("lib/engine/uws/load.ts"), "the engine").to.equal(false);
  });

  it("let samples import the package by its name only", () => {
    const strays = importsOf("samples").filter(([, imported]) =>
      /^(lib|adapters|dist)\//.test(imported),
    );
    expect(strays).to.deep.equal([]);
  });

  it("have no circle in lib", () => {
    const edges = new Map<string, string[]>();
    for (const [importer, imported] of importsOf("lib"))
      edges.set(importer, [...(edges.get(importer) ?? []), imported]);
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) throw new Error([...path, file].join(" -> "));
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    };
    for (const file of edges.keys()) visit(file, []);
  });
});
