/** How many files a process has open, connections among them, and how many it may have. */
import { readdirSync, readFileSync } from "node:fs";

export interface OpenFiles {
  readonly open: number;
  readonly limit: number;
}

/** Undefined where the system does not say: not Linux, a process of somebody else, or one that has ended. */
export function openFilesOf(pid: number): OpenFiles | undefined {
  try {
    const open = readdirSync(`/proc/${pid}/fd`).length;
    const limits = readFileSync(`/proc/${pid}/limits`, "latin1");
    const [, limit] = /^Max open files +(\d+)/m.exec(limits) ?? [];
    return { open, limit: limit === undefined ? Infinity : Number(limit) };
  } catch {
    return undefined; // nobody's fault: it is not for everybody to know
  }
}
