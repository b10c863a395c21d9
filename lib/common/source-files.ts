/** Files of code: whose they are, and which of them have to be compiled. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** Of eddy itself, which is no package where it runs from its checkout. */
const OURS = ["../", "../../adapters/"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

/** The user's own: neither a package's nor eddy's. */
export const isTheirs = (file: string): boolean =>
  !file.includes("/node_modules/") &&
  !OURS.some((folder) => file.startsWith(folder));

/** What Node cannot run, or not all of it. */
export const COMPILED: readonly string[] = [
  ".ts",
  ".mts",
  ".cts",
  ".tsx",
  ".jsx",
];

export const isCompiled = (file: string): boolean =>
  COMPILED.includes(extname(file));
