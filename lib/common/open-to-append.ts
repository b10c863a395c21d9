/** Opens a file to which lines are added, in a folder where another user may write. */
import { constants, lstatSync, openSync } from "node:fs";

/**
 * A pipe without a reader keeps nobody waiting.
 *
 * @throws for a link that another user has put there, who would choose by it what this one, maybe root, writes to.
 */
export function openToAppend(path: string): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NONBLOCK, O_NOFOLLOW } = constants;
  const flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK;
  try {
    return openSync(path, flags | O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOOP") throw error;
    if (![0, process.geteuid!()].includes(lstatSync(path).uid))
      throw new Error("it is a link that another user has made");
    return openSync(path, flags);
  }
}
