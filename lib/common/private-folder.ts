/** Folders for sockets and files of this process alone. What a killed process has left, the next one removes. */
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";

/**
 * A new folder in `parent` that only this user can enter (mode 0700). The caller removes it; the folders that killed
 * processes of this user have left are removed here.
 *
 * @param what - a word for its name, such as `uwsgi`.
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

/** Containers may share a folder, and a process id is unique only within one of them (pid_namespaces(7)). */
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
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's
  }
}

/** False also when it has gone meanwhile. */
const isOurs = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.();
