/** `npm run mutate`: breaks the kernel in every way that we thought of, and sees whether its tests notice. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mutants, type Mutant } from "./mutants.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SECONDS = 90; // a broken kernel may run for ever
const PROGRAMS = 3000;

interface Check {
  name: string;
  command: string[];
  /** Where its output says what it noticed. */
  finding: RegExp;
}

const mocha = (name: string, file: string): Check => ({
  name,
  command: [
    "node_modules/mocha/bin/mocha.js",
    "--no-config",
    "--no-package",
    "--timeout=20000",
    "--require=./dist/test/support/hooks.js",
    "--bail",
    `dist/test/lib/kernel/${file}.test.js`,
  ],
  finding: /^ {2}1\) [^]*?:$/m,
});

const checks: Check[] = [
  mocha("conformance", "conformance"),
  mocha("first step", "first-step"),
  {
    name: "fuzz",
    command: [
      "dist/tools/fuzz/main.js",
      "--brief",
      "--seed=1",
      `--count=${PROGRAMS}`,
    ],
    finding: /^Seed.*$/m,
  },
];

/** A copy of what was built, to be broken. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), "mutant-"));
  for (const part of ["dist", "package.json"])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function mutate(folder: string, { name, file, search, replace }: Mutant): void {
  const path = join(folder, "dist/lib", file);
  const parts = readFileSync(path, "utf8").split(search);
  if (parts.length !== 2)
    throw new Error(`${file} does not have this once: ${search} (${name})`);
  writeFileSync(path, parts.join(replace));
}

/** What a check noticed, if anything. */
function noticed(folder: string, check: Check): string | undefined {
  const { status, stdout } = spawnSync(process.execPath, check.command, {
    cwd: folder,
    encoding: "utf8",
    timeout: SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  if (status === 0) return undefined;
  if (status === null) return "it hangs";
  const [finding = "it crashes"] = check.finding.exec(stdout) ?? [];
  return finding.replace(/\s+/g, " ").trim();
}

/** Who noticed, and what. */
function examine(mutant?: Mutant): string[] {
  const folder = copy();
  try {
    if (mutant) mutate(folder, mutant);
    return checks.flatMap((check) => {
      const finding = noticed(folder, check);
      return finding === undefined ? [] : [`${check.name}: ${finding}`];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const unbroken = examine();
if (unbroken.length > 0)
  throw new Error(`without a mutation: ${unbroken.join("; ")}`);

let survivors = 0;
for (const mutant of mutants) {
  const findings = examine(mutant);
  if (findings.length === 0) survivors++;
  console.log(
    `${findings.length > 0 ? "noticed " : "SURVIVES"} ${mutant.name}`,
  );
  for (const finding of findings) console.log(`           ${finding}`);
}
console.log(`${mutants.length - survivors} of ${mutants.length} noticed`);
process.exit(survivors > 0 ? 1 : 0);
