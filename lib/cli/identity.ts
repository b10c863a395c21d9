/** As whom the workers run. */
import { execFileSync } from "node:child_process";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Settings } from "./schema.ts";

export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * By the machine's own tools, because not every user is in /etc/passwd.
 *
 * @throws {CommandFailure} for a user or group that does not exist.
 */
export function identityOf({ user, group }: Settings): Identity {
  const uid = user === "" ? undefined : idOf("user", "id", ["-u", user]);
  const gid =
    group !== ""
      ? idOf("group", "getent", ["group", group], 2)
      : user === ""
        ? undefined
        : idOf("user", "id", ["-g", user]);
  return {
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  };
}

/** @param field which one of the tool's answer, where colons separate them. */
function idOf(
  setting: string,
  tool: string,
  args: string[],
  field = 0,
): number {
  try {
    const answer = execFileSync(tool, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return Number(answer.split(":")[field]);
  } catch (cause) {
    throw new CommandFailure(
      EXIT.usage,
      `${setting}: this machine has no ${setting} ${args.at(-1)}`,
      { cause },
    );
  }
}
