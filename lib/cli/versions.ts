/** What this is. */
import { createRequire } from "node:module";

const { version, optionalDependencies } = createRequire(import.meta.url)(
  "../../../package.json",
) as { version: string; optionalDependencies: Record<string, string> };

export const VERSION = version;

/** The engine's package does not tell its version, but ours pins it. */
export const VERSIONS: Readonly<Record<string, string>> = {
  eddy: version,
  node: process.versions.node,
  "uWebSockets.js": optionalDependencies["uWebSockets.js"]!.replace(/.*@/, ""),
};
