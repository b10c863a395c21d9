/** npm run bench [-- suite ... --rounds 5 --seconds 2 --connections 64 --only a,b --out file.md] */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { head } from "./machine.js";
import { measure } from "./measure.js";
import { suites } from "./suites.js";
import { table } from "./table.js";
import { tools } from "./tools.js";

try {
  const options = readOptions();
  prepare();
  await run(options);
} catch (error) {
  console.error(`\nbench: ${error.message}`);
  process.exitCode = 1;
}

async function run(options) {
  const parts = [];
  const print = (text) => {
    parts.push(text);
    console.log(`${text}\n`);
  };
  print(head(options));
  for (const { suite, names } of options.chosen) {
    const say = (text) => console.error(`${suite.title}: ${text}`);
    if (suite.measure) {
      for await (const part of suite.measure(options, say)) print(part);
      continue;
    }
    const results = await measure(suite, names, tools, options, say);
    for (const { tool, rows } of results) {
      print(`### ${suite.title}, ${tool}`);
      print(table(rows));
    }
    for (const further of suite.also ?? [])
      for await (const part of further(options, say)) print(part);
  }
  if (options.out) writeFileSync(options.out, `${parts.join("\n\n")}\n`);
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "2" },
      connections: { type: "string", default: "64" },
      only: { type: "string" },
      out: { type: "string" },
    },
  });
  return {
    chosen: choose(positionals, values.only?.split(",")),
    rounds: count(values, "rounds"),
    seconds: count(values, "seconds"),
    connections: count(values, "connections"),
    out: values.out,
  };
}

/** The suites to run and the servers of each: with `only`, those named, and the baseline they are compared with. */
function choose(titles, only) {
  const titled = titles.length > 0 ? titles : Object.keys(suites);
  const unknown = titled.find((title) => !Object.hasOwn(suites, title));
  if (unknown !== undefined)
    throw new Error(
      `no suite "${unknown}"; there are ${Object.keys(suites).join(", ")}`,
    );

  const all = titled.map((title) => suites[title]);
  const stray = only?.find(
    (name) => !all.some((suite) => suite.servers.includes(name)),
  );
  if (stray !== undefined)
    throw new Error(`no server "${stray}" in ${titled.join(", ")}`);

  return all
    .filter(
      (suite) => !only || suite.servers.some((name) => only.includes(name)),
    )
    .map((suite) => ({
      suite,
      names: suite.servers.filter(
        (name) => !only || name === suite.baseline || only.includes(name),
      ),
    }));
}

function count(values, name) {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`--${name} takes a whole number from 1`);
  return number;
}

/** The peers are dependencies of the benchmark only: they are installed when it first runs. */
function prepare() {
  if (!exists("node_modules/.package-lock.json"))
    npm("the peers are not installed", ["ci"], ".");
  if (!exists("../dist/lib/index.js"))
    npm("dist/ is missing", ["run", "build"], "..");
}

function npm(why, args, folder) {
  console.error(`bench: ${why}; running "npm ${args.join(" ")}"`);
  const cwd = fileURLToPath(new URL(folder, import.meta.url));
  const { status } = spawnSync("npm", args, {
    cwd,
    stdio: ["inherit", 2, "inherit"],
  }); // the report alone goes to stdout
  if (status !== 0) throw new Error(`"npm ${args.join(" ")}" has failed`);
}

function exists(path) {
  return existsSync(new URL(path, import.meta.url));
}
