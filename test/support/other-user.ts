/**
 * What another user than root can reach. A checkout may be below a folder that only root can enter: such a one gets a
 * copy.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Eddy, MAIN, PATIENCE_MS } from "./command.ts";
import { folderWith } from "./folder.ts";
import { afterFile } from "./hooks.ts";
import { ROOT } from "./root.ts";

export const NOBODY = 65534;

/** Where another user finds what it needs. */
export class Reachable {
  readonly root: string;
  readonly parent: string;
  readonly main: string;

  constructor(root: string, parent: string) {
    this.root = root;
    this.parent = parent;
    this.main = join(root, "dist/lib/cli/main.js");
  }

  /** Everybody may read it, and only its owner writes. */
  folderWith(files: Readonly<Record<string, string>>): string {
    const folder = folderWith(files, this);
    chmodSync(folder, 0o755);
    return folder;
  }

  /** The command, which starts as root. */
  eddy(
    cwd: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Eddy {
    const all = ["--http", "127.0.0.1:0", ...args];
    return new Eddy(cwd, all, { TMPDIR: this.parent, ...env }, this.main);
  }
}

/** Of the file whose tests run. */
let found: Reachable | undefined;

/** For a test that changes its user; it is skipped where only root can. */
export function reachableByOthers(test: Mocha.Context): Reachable {
  if (process.getuid?.() !== 0) return test.skip();
  test.timeout(PATIENCE_MS);
  return (found ??= find()) ?? test.skip();
}

function find(): Reachable | undefined {
  const parent = [tmpdir(), "/tmp", "/var/tmp"].find((folder) =>
    works("test", "-w", folder, "-a", "-x", folder),
  );
  if (parent === undefined || !works(process.execPath, "--eval", "0"))
    return undefined; // only root can run this Node.js
  const isReachable = works(process.execPath, MAIN, "--version");
  return new Reachable(isReachable ? ROOT : copy(parent), parent);
}

/** Whether another user can run it. */
function works(program: string, ...args: string[]): boolean {
  const as = { uid: NOBODY, gid: NOBODY, cwd: "/" };
  return spawnSync(program, args, as).status === 0;
}

/** What runs of the project, with what it depends on. */
function copy(parent: string): string {
  const folder = mkdtempSync(join(parent, "eddy-test-"));
  afterFile(() => {
    rmSync(folder, { recursive: true });
    found = undefined;
  });
  const { packages } = JSON.parse(
    readFileSync(join(ROOT, "node_modules/.package-lock.json"), "utf8"),
  ) as { packages: Record<string, { dev?: true; devOptional?: true }> };
  const needed = Object.keys(packages).filter(
    (name) => !packages[name]!.dev && !packages[name]!.devOptional,
  );
  for (const part of [
    "package.json",
    "dist/package.json",
    "dist/lib",
    "dist/adapters",
    ...needed,
  ])
    cpSync(join(ROOT, part), join(folder, part), {
      recursive: true,
      filter: isOfThisMachine,
    });
  spawnSync("chmod", ["-R", "a+rX", folder]);
  return folder;
}

/** The engine has a hundred megabytes for other machines. */
function isOfThisMachine(file: string): boolean {
  const { platform, arch, versions } = process;
  return (
    !file.endsWith(".node") ||
    basename(file).includes(`${platform}_${arch}_${versions.modules}`)
  );
}
