/** Whether the workers' user can go where the application is. */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Identity } from "./identity.ts";
import type { Settings } from "./schema.ts";

const OWN_FOLDER = dirname(fileURLToPath(import.meta.url));

/** @throws {CommandFailure} that names the folder which is closed to it. */
export function checkReachable({ user }: Settings, identity: Identity): void {
  if (identity.uid === undefined || process.getuid?.() !== 0) return;
  for (const folder of [process.cwd(), OWN_FOLDER]) {
    if (canEnter(folder, identity)) continue;
    const closed = pathTo(folder).find((one) => !canEnter(one, identity));
    if (closed !== undefined)
      throw new CommandFailure(
        EXIT.usage,
        `user: ${user} cannot enter ${closed}, which ${what(folder)} is in or below: ` +
          `let it (chmod o+x ${closed}), or move that elsewhere`,
      );
  }
}

const what = (folder: string): string =>
  folder === OWN_FOLDER ? "eddy itself" : "the working directory";

/** From the outermost on. */
function pathTo(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [...pathTo(above), folder];
}

/** The system itself is asked: lists of rights say more than file modes. */
const canEnter = (folder: string, identity: Identity): boolean =>
  spawnSync("test", ["-x", folder], { ...identity, cwd: "/" }).status === 0;
