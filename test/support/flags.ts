/** What the command reads of its arguments. */
import { commandLine, type Flags } from "../../lib/cli/command-line.ts";

/** The flags, as the command line gives them. */
export async function flagsOf(...args: string[]): Promise<Flags> {
  let seen: Flags = {};
  const take = async (flags: Flags): Promise<void> => void (seen = flags);
  const program = commandLine("0", {
    run: take,
    config: take,
    check: take,
    reload: take,
    top: take,
    profile: (_, __, flags) => take(flags),
    doctor: (_, flags) => take(flags),
    import: (_, __, flags) => take(flags),
  });
  await program.exitOverride().parseAsync(["node", "eddy", ...args]);
  return seen;
}
