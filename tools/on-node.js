/**
 * The tests on another version of Node.js: `node tools/on-node.js <version> [arguments of mocha]`; without arguments,
 * those of `npm test` and `npm run test:slow`. npm's package `node` brings the binary, which stays in
 * node_modules/.cache. It comes first in PATH, for what the tests start by the name of `node`. Where uWebSockets.js
 * does not load, the tests have the engine `node`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";

const ALL = [
  "dist/test/{lifecycle,slow}/*.test.js", // the longest first
  "dist/test/!(lifecycle|slow|fronts)/**/*.test.js",
  "dist/test/*.test.js",
];

const [version, ...given] = process.argv.slice(2);
if (version === undefined) {
  console.error("usage: node tools/on-node.js <version> [arguments of mocha]");
  process.exit(2);
}
process.chdir(join(import.meta.dirname, ".."));

/** The binary of that version, installed if it is not there yet. */
function install() {
  const folder = join("node_modules/.cache", `eddy-node-${version}`);
  const file = process.platform === "win32" ? "bin/node.exe" : "bin/node";
  const binary = join(process.cwd(), folder, "node_modules/node", file);
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n'); // or else npm looks for one further up
  const options = ["--prefix", folder, "--no-audit", "--no-fund"];
  const npm = spawnSync("npm", ["install", ...options, `node@${version}`], {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (npm.status !== 0 || !existsSync(binary))
    throw new Error(
      `npm has not installed node@${version} in ${folder}: see above; its install script has to be allowed to run`,
    );
  return binary;
}

const binary = install();
const env = {
  ...process.env,
  PATH: [dirname(binary), process.env.PATH].join(delimiter),
};
const engine = spawnSync(binary, ["dist/lib/engine/uws/load.js"], { env });
env.TEST_ENGINE ??= engine.status === 0 ? "all" : "node";

const found = spawnSync(binary, ["--version"], { encoding: "utf8" });
console.log(`Node.js ${found.stdout.trim()}, engines: ${env.TEST_ENGINE}`);
const mocha = createRequire(import.meta.url).resolve("mocha/bin/mocha.js");
const tests = given.length > 0 ? given : ["--parallel", "--jobs", "4", ...ALL];
const { status } = spawnSync(binary, [mocha, ...tests], {
  env,
  stdio: "inherit",
});
process.exit(status ?? 1);
