/** The arrows of docs/design.md: who may import whom. */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";
import {
  arrowsOf,
  circleIn,
  draw,
  floorsOf,
  groundPlan,
  planOf,
} from "../tools/layers.ts";
import { ROOT } from "./support/root.ts";

const SOURCES = ["lib", "adapters"];

/** [importer, imported], without those that are gone at run time. */
const importsOf = (folder: string): [string, string][] =>
  arrowsOf(folder)
    .filter(({ isType }) => !isType)
    .map(({ from, to }) => [from, to]);

/** All that is loaded with a file, now or later; `except` is not. */
function loadedBy(entry: string, except?: string): Set<string> {
  const edges = [...importsOf("lib"), ...importsOf("adapters")].filter(
    ([, imported]) => imported !== except,
  );
  return reachedFrom(entry, edges);
}

function reachedFrom(
  entry: string,
  edges: readonly [string, string][],
): Set<string> {
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

  it("leave uWebSockets.js to lib/engine/uws/load.ts", () => {
    const users = [...importsOf("lib"), ...importsOf("adapters")].filter(
      ([, imported]) => imported === "uWebSockets.js",
    );
    expect(users).to.deep.equal([]); // load.ts itself loads it by require(), so that a failure can be explained
  });

  it("keep the engine and effection out of threads, where each would take megabytes", () => {
    for (const [entry, known] of [
      ["adapters/wsgi/threads/inside/main.ts", "adapters/wsgi/environ.ts"],
      ["lib/cli/watchdog-thread.ts", "lib/cli/watchdog-words.ts"],
    ] as const) {
      const loaded = loadedBy(entry);
      expect([...loaded]).to.include(known);
      expect(loaded.has("lib/engine/uws/load.ts"), "the engine").to.equal(
        false,
      );
      expect(loaded.has("effection"), "effection").to.equal(false);
    }
  });

  it("start the first worker before the command loads what takes it long", () => {
    const atOnce = arrowsOf("lib")
      .filter(({ isType, isLater }) => !isType && !isLater)
      .map(({ from, to }): [string, string] => [from, to]);
    const early = reachedFrom("lib/cli/main.ts", atOnce);
    expect([...early]).to.include("lib/cli/early-process.ts");
    expect(early.has("commander"), "commander").to.equal(false);
    const loaded = reachedFrom("lib/cli/command.ts", atOnce);
    expect([...loaded]).to.include("lib/cli/first-worker.ts");
    for (const name of ["effection", "pino", "node:http", "chokidar"])
      expect(loaded.has(name), name).to.equal(false);
  });

  it("keep the engine out of the supervisor, which never runs the application", () => {
    const loaded = loadedBy("lib/cli/main.ts", "lib/cli/alone.ts");
    const command = readFileSync(`${ROOT}/lib/cli/command.ts`, "utf8");
    expect(command.match(/\S*\("\.\/alone\.ts"\)|alone\.ts/g)).to.deep.equal([
      'import("./alone.ts")',
    ]);
    expect([...loaded]).to.include("lib/cli/supervise.ts");
    expect(loaded.has("lib/engine/uws/load.ts"), "the engine").to.equal(false);
  });

  it("leave OpenTelemetry to lib/traces/opentelemetry.ts, which nothing loads that is not told to", () => {
    const users = importsOf("lib").filter(([, imported]) =>
      imported.startsWith("@opentelemetry/"),
    );
    const file = "lib/traces/opentelemetry.ts";
    expect(new Set(users.map(([user]) => user))).to.deep.equal(new Set([file]));
    for (const entry of ["lib/index.ts", "lib/adapter.ts", "lib/cli/main.ts"])
      expect(loadedBy(entry, "lib/cli/alone.ts").has(file), entry).to.equal(
        false,
      );
  });

  it("let samples import the package by its name only", () => {
    const strays = importsOf("samples").filter(([, imported]) =>
      /^(lib|adapters|dist)\//.test(imported),
    );
    expect(strays).to.deep.equal([]);
  });

  it("have no circle, between rooms or files, type imports counted", () => {
    const arrows = SOURCES.flatMap(arrowsOf);
    expect(circleIn(groundPlan())).to.equal(undefined);
    expect(circleIn(planOf(arrows, (file) => file))).to.equal(undefined);
  });

  it("are few: rooms and floors of lib", () => {
    const floors = floorsOf(groundPlan());
    expect(floors.size).to.be.at.most(20);
    expect(Math.max(...floors.values())).to.be.at.most(10);
  });

  it("are those of docs/design.md", () => {
    const page = readFileSync(`${ROOT}/docs/design.md`, "utf8");
    expect(page).to.include(draw(groundPlan()), "npm run layers");
  });

  it("have no file over 500 lines", () => {
    const long = SOURCES.flatMap(arrowsOf)
      .map(({ from }) => from)
      .filter(
        (file) =>
          readFileSync(`${ROOT}/${file}`, "utf8").split("\n").length > 501,
      );
    expect([...new Set(long)]).to.deep.equal([]);
  });

  it("have no comment over 120 characters wide, which prettier leaves alone", () => {
    const trees = ["lib", "adapters", "test", "tools", "samples"];
    const others = "tools/site/"; // has packages of its own, and what it makes
    const inside = (folder: string, recursive: boolean): string[] =>
      readdirSync(`${ROOT}/${folder}`, { recursive, encoding: "utf8" }).map(
        (file) => `${folder}/${file}`,
      );
    const wide = [
      ...trees.flatMap((folder) => inside(folder, true)),
      ...inside("bench", false), // which may have packages of its own
      ...inside("bench/servers", false),
    ]
      .filter((file) => /\.(?:ts|js|mjs|py)$/.test(file))
      .filter((file) => !file.startsWith(others))
      .flatMap((file) =>
        readFileSync(`${ROOT}/${file}`, "utf8")
          .split("\n")
          .flatMap((line, i) => (isWide(line) ? [`${file}:${i + 1}`] : [])),
      );
    expect(wide).to.deep.equal([]);
  });
});

const isWide = (line: string): boolean =>
  line.length > 120 &&
  /^\s*(?:\/?\*|\/\/|# )|[;,{)] \/\/ /.test(line) &&
  !line.includes("oxlint-disable");
