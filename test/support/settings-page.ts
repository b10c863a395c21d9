/** docs/settings.md as it should be, formatted as the rest. Run as a program (`npm run docs`) it writes the page. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { settingsPage } from "../../lib/cli/explain.ts";
import { ROOT } from "./root.ts";

export const PAGE = join(ROOT, "docs/settings.md");

export const settingsPageNow = (): Promise<string> =>
  format(settingsPage(), { parser: "markdown" });

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(PAGE, await settingsPageNow());
