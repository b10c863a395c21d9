/** What Node cannot run, or not all of it. */
import { extname } from "node:path";

export const COMPILED: readonly string[] = [
  ".ts",
  ".mts",
  ".cts",
  ".tsx",
  ".jsx",
];

export const isCompiled = (file: string): boolean =>
  COMPILED.includes(extname(file));

/** Name of the symbol that a module of CommonJS has once `require` runs it. */
export const BEGUN = "eddy:begun";
