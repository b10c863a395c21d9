/** Folders for sockets and files of this process alone. A process that is killed cannot remove its own: the next one does. */
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";

/**
 * A new folder in `parent` that only this user can enter (mode 0700); whoever asks for it removes it. Those that killed
 * processes of this user have left are removed first.
 */
export function makePrivateFolder(parent: string, what: string): string {
  const prefix = `eddy-${what}-${processSpace()}-`;
  for (const name of readdirSync(parent)) {
    const owner =
      name.startsWith(prefix) && parseInt(name.slice(prefix.length));
    const path = join(parent, name);
    if (owner && !isAlive(owner) && isOurs(path))
      rmSync(path, { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `${prefix}${process.pid}-`));
}

/** Containers may share a folder; a number of a process means something in one of them only (pid_namespaces(7)). */
function processSpace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))![0];
  } catch {
    return "0"; // not Linux
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // somebody else's
  }
}

/** False as well when it has gone meanwhile. */
const isOurs = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.();
