/** What this is. */
import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { version, optionalDependencies } = createRequire(import.meta.url)(
  "../../../package.json",
) as { version: string; optionalDependencies: Record<string, string> };

export const VERSION = version;

/** Of what the path leads to now by which this process was started. Undefined: it leads nowhere. */
export function installedVersion(): string | undefined {
  try {
    const main = realpathSync(process.argv[1]!);
    const file = join(main, "../../../../package.json");
    return (JSON.parse(readFileSync(file, "utf8")) as { version?: string })
      .version;
  } catch {
    return undefined;
  }
}

/** The engine's package does not tell its version, but ours pins it. */
export const VERSIONS: Readonly<Record<string, string>> = {
  eddy: version,
  node: process.versions.node,
  "uWebSockets.js": optionalDependencies["uWebSockets.js"]!.replace(/.*@/, ""),
};
