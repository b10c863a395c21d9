/** Whose a file is. */
import { fileURLToPath } from "node:url";

/** Of eddy itself, which is no package where it runs from its checkout. */
const OURS = ["../", "../../adapters/"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

/** The user's own: neither a package's nor eddy's. */
export const isTheirs = (file: string): boolean =>
  !file.includes("/node_modules/") &&
  !OURS.some((folder) => file.startsWith(folder));
