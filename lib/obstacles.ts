/** What can be in the way of listening, and what to do about it. */
import { lstatSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { ListenError } from "./errors.ts";

/** What is in the way, and what to do. */
export function reasonOf(
  cause: NodeJS.ErrnoException | undefined,
): string | undefined {
  return REASONS[cause?.code ?? ""] ?? cause?.message;
}

const REASONS: Record<string, string | undefined> = {
  EADDRINUSE: "another process listens there; stop it, or choose another port",
  EACCES:
    "ports below 1024 take a privilege (CAP_NET_BIND_SERVICE); choose a higher one, or put a proxy in front",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such host",
};

/** Of a Unix socket. All that the engine says is that it failed; and libuv takes a missing folder for one that is closed. */
export const NO_FOLDER = "its folder is missing or not writable";

/** `sun_path` of unix(7), without its end; the engine writes past it. */
const MAX_UNIX_PATH = 107;

/**
 * A process that is killed leaves its socket behind, and nobody can listen there before it is gone.
 *
 * @throws {ListenError} when something else is there, or the path is too long for a socket.
 */
export async function freeUnixPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_UNIX_PATH)
    throw new ListenError(
      `cannot listen on ${path}: the path is longer than ${MAX_UNIX_PATH} bytes`,
    );
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket())
    throw new ListenError(
      `cannot listen on ${path}: the file there is no socket`,
    );
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true)).on("error", () =>
      resolve(false),
    );
    probe.on("connect", () => probe.destroy());
  });
  if (alive)
    throw new ListenError(
      `cannot listen on ${path}: another process listens there`,
    );
  rmSync(path);
}
