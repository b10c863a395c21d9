/** A folder of files to be served, gone after the test. */
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterTest } from "./hooks.ts";

export function siteWith(
  files: Readonly<Record<string, string | Uint8Array>>,
): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "eddy-site-")));
  afterTest(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}
