/** A folder with files, gone after the test. `eddy` and `effection` are installed in it. */
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterTest } from "./hooks.ts";
import { ROOT } from "./root.ts";

export function folderWith(
  files: Readonly<Record<string, string>>,
  { root = ROOT, parent = tmpdir() } = {},
): string {
  const folder = realpathSync(mkdtempSync(join(parent, "eddy-test-")));
  afterTest(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/eddy"));
  symlinkSync(
    join(root, "node_modules/effection"),
    join(folder, "node_modules/effection"),
  );
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}
