/** A socket that is bound, and accepts nothing here: processes that are given it listen on it together. */
import { lookup } from "node:dns/promises";
import { lchownSync } from "node:fs";
import * as net from "node:net";
import { getSystemErrorName } from "node:util";
import {
  freeUnixPath,
  refusalAt,
  refusalOfPort,
  type Target,
} from "../engine/target.ts";
import type { Identity } from "./identity.ts";

/** What Node makes of a socket, below its servers. */
interface Handle {
  readonly fd: number;
  /** TCP only. An error that the system had for `bind` shows here. */
  getsockname?(at: object): number;
  close(): void;
}

/**
 * Node's own, and not documented: what its cluster shares a port by. Whatever it has documented that listens accepts,
 * too.
 */
const { _createServerHandle: bind } = net as unknown as {
  _createServerHandle?(
    this: void,
    where: string | null,
    port: number,
    family: 4 | 6 | -1,
  ): Handle | number;
};

/** Windows gives no socket to a child that way. */
export const CAN_BIND = bind !== undefined && process.platform !== "win32";

export interface BoundSocket {
  readonly handle: Handle;
  /** The path of a Unix socket. */
  readonly at: net.AddressInfo | string;
}

/**
 * Binds it. It belongs to the caller.
 *
 * @param owner gets a Unix socket.
 * @throws {ListenError} saying what is in the way.
 */
export async function bindSocket(
  target: Target,
  owner: Identity,
): Promise<BoundSocket> {
  return "path" in target
    ? await bindPath(target.path, owner)
    : await bindPort(target);
}

async function bindPath(path: string, owner: Identity): Promise<BoundSocket> {
  await freeUnixPath(path);
  const handle = bind!(path, -1, -1);
  if (typeof handle === "number") throw refusalAt(path, systemError(handle));
  lchownSync(path, owner.uid ?? -1, owner.gid ?? -1); // not through a link: that user may write to the folder
  return { handle, at: path };
}

async function bindPort({
  host,
  port,
}: {
  host?: string;
  port: number;
}): Promise<BoundSocket> {
  const refuse = (cause: Error): Error => refusalOfPort(port, host, cause);
  const found =
    host === undefined
      ? undefined
      : await lookup(host).catch((cause: Error) => {
          throw refuse(cause);
        });
  const handle = bind!(
    found?.address ?? null,
    port,
    (found?.family ?? -1) as 4 | 6 | -1,
  );
  if (typeof handle === "number") throw refuse(systemError(handle));
  const at = {} as net.AddressInfo;
  const failed = handle.getsockname!(at);
  if (failed === 0) return { handle, at };
  handle.close();
  throw refuse(systemError(failed));
}

/** As Node's errors have it. */
function systemError(number: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(number);
  return Object.assign(new Error(code), { code });
}
