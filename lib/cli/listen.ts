/** What keeps the supervisor from listening where a setting says. */
import { PathError } from "../engine/target.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Key } from "./schema.ts";

/** @throws {CommandFailure} that names the setting, saying what is in the way. */
export async function refusing<T>(
  key: Key,
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen();
  } catch (cause) {
    throw new CommandFailure(
      cause instanceof PathError ? EXIT.usage : EXIT.failed,
      `${key}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
