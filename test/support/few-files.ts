/** Programs that may have few files open: those of a busy machine, at once. */
import { execFileSync } from "node:child_process";
import { folderWith } from "./folder.ts";

/**
 * What a module says on standard output, in a process of its own that may have so many files open. Where there is
 * `ulimit`.
 */
export function withFewFiles(most: number, program: string): string {
  return execFileSync(
    "sh",
    ["-c", `ulimit -n ${most}; exec "$0" program.mjs`, process.execPath],
    { cwd: folderWith({ "program.mjs": program }), encoding: "utf8" },
  );
}
