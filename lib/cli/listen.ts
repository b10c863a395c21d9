/** A server of the supervisor that listens where a setting says. */
import type { Server } from "node:net";
import { listenAt, type Target } from "../engine/target.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Key } from "./schema.ts";

/** @throws {CommandFailure} saying what is in the way. */
export async function listenFor(
  key: Key,
  server: Server,
  target: Target,
): Promise<void> {
  try {
    await listenAt(server, target);
  } catch (cause) {
    throw new CommandFailure(
      EXIT.failed,
      `${key}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
