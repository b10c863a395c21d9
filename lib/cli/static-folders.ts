/** Folders whose files are served beside the applications: what the setting `static` says. */
import { UsageError, type Loop } from "../index.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { PREFIXED } from "./prefixed.ts";

/**
 * Mounts the files of each folder, also in a loop that a program has made. The adapter is imported by the name that
 * users import, so that both get the same module.
 *
 * @throws {CommandFailure} for a folder that is not there, or a prefix that is taken.
 */
export async function mountFolders(
  loop: Loop,
  entries: readonly string[],
): Promise<void> {
  if (entries.length === 0) return;
  const { files } = await import("eddy/adapters/files");
  for (const entry of entries) {
    const [, prefix = "", folder = ""] = PREFIXED.exec(entry) ?? [];
    try {
      loop.mount(prefix, files(folder));
    } catch (cause) {
      if (!(cause instanceof UsageError)) throw cause;
      const why = `static ${entry}: ${cause.message}`;
      throw new CommandFailure(EXIT.usage, why, { cause });
    }
  }
}
