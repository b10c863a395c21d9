/** A folder with files, gone after the test. `eddy` and `effection` are installed in it. */
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterTest } from "./hooks.ts";
import { ROOT } from "./root.ts";

export function folderWith(
  files: Readonly<Record<string, string>>,
  { root = ROOT, parent = tmpdir(), packages = ["effection"] } = {},
): string {
  const folder = realpathSync(mkdtempSync(join(parent, "eddy-test-")));
  // not rmSync, which does not try again where somebody who is about to end has made another file
  afterTest(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(root, "dist"), join(folder, "node_modules/eddy"));
  for (const name of packages)
    symlinkSync(
      join(root, "node_modules", name),
      join(folder, "node_modules", name),
    );
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}
