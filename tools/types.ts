/**
 * Checks a user's program against the package, without skipLibCheck, by each TypeScript that the package is typed for:
 * `npm run types`. What it installs stays in node_modules/.cache.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROGRAM, TSCONFIG } from "../test/support/typed-program.ts";
import { ROOT } from "../test/support/root.ts";

const VERSIONS = ["5.4", "5.5", "5.6", "5.7", "5.8", "5.9", "6", "7"];

const folder = join(ROOT, "node_modules/.cache/eddy-types");
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, "package.json"),
  '{ "private": true, "type": "module" }\n',
);
writeFileSync(join(folder, "app.ts"), PROGRAM);
writeFileSync(join(folder, "tsconfig.json"), TSCONFIG);

const npm = (cwd: string, ...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync("npm", args, {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`npm ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
};

const quiet = ["--silent", "--ignore-scripts"];
const archive = npm(ROOT, "pack", ...quiet, "--pack-destination", folder);
npm(
  folder,
  "install",
  ...quiet,
  "--no-audit",
  "--no-fund",
  "--force", // the archive has changed under the same version
  `./${archive}`,
  "@types/node@20",
  ...VERSIONS.map(
    (version) => `typescript-${version}@npm:typescript@${version}`,
  ),
);
for (const version of VERSIONS) {
  const tsc = join(folder, `node_modules/typescript-${version}/bin/tsc`);
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", "."], {
    cwd: folder,
    encoding: "utf8",
  });
  console.log(`TypeScript ${version}: ${status === 0 ? "typed" : stdout}`);
  if (status !== 0) process.exitCode = 1;
}
