/**
 * Where to listen, as somebody writes it: read; a server of Node's that listens there; and what can be in its way.
 * Loads no engine.
 */
import { once } from "node:events";
import { accessSync, constants, lstatSync, rmSync } from "node:fs";
import {
  connect,
  Server,
  type ListenOptions as NetListenOptions,
} from "node:net";
import { dirname } from "node:path";
import { urlHost } from "../common/address.ts";
import { ListenError } from "../common/errors.ts";
import type { Address } from "./listen-options.ts";

/** Without a host: all addresses of the machine. */
export type Target = { path: string } | { host?: string; port: number };

const TCP = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]*)):)?(\d{1,5})$/i;

/** `unix:/path`, `host:port`, `[::1]:port`, `:port`, `port`. Undefined: it is none of them. */
export function parseTarget(where: string): Target | undefined {
  const path = /^unix:(.+)$/.exec(where)?.[1];
  if (path !== undefined) return { path };
  const [, ipv6, name, port] = TCP.exec(where) ?? [];
  if (port === undefined || Number(port) > 65_535) return undefined;
  const host = ipv6 ?? name;
  return { ...(host && { host }), port: Number(port) };
}

/** The other way round. */
export function formatTarget(target: Target): string {
  if ("path" in target) return `unix:${target.path}`;
  return `${urlHost(target.host ?? "")}:${target.port}`;
}

/** Of a listener on a port: with a URL that works on this machine. */
export function portAddress(
  scheme: string,
  port: number,
  host: string | undefined,
): Address {
  const shown =
    host === undefined || host === "0.0.0.0" || host === "::"
      ? "localhost"
      : urlHost(host);
  return {
    url: `${scheme}://${shown}:${port}`,
    port,
    ...(host !== undefined && { host }),
  };
}

/** As any server of `node:net` does: the command may have taken the place of `listen` for the program's own servers. */
export function startListening(
  server: Server,
  at: NetListenOptions | { fd: number },
): void {
  if (server instanceof Server)
    Server.prototype.listen.call(server, at as NetListenOptions);
  else (server as Server).listen(at as NetListenOptions); // Bun's of node:http is none of net
}

/** Nobody else can listen there then. @throws {ListenError} saying what is in the way. */
export async function listenAt(server: Server, target: Target): Promise<void> {
  if ("path" in target) await freeUnixPath(target.path);
  try {
    startListening(server, { ...target, exclusive: true });
    await once(server, "listening");
  } catch (cause) {
    if ("path" in target) throw refusalAt(target.path, cause as Error);
    throw new ListenError(
      `cannot listen on ${formatTarget(target)}: ${reasonOf(cause as Error)}`,
      { cause },
    );
  }
}

const [MAJOR = 0, MINOR = 0] = process.versions.node.split(".").map(Number);

/** Node's own servers can share a port with other processes (SO_REUSEPORT), as uWebSockets.js can everywhere. */
export const NODE_CAN_SHARE =
  MAJOR > 23 || (MAJOR === 23 && MINOR >= 1) || (MAJOR === 22 && MINOR >= 12);

// What can be in the way of listening, and what to do about it.

/** There can be no Unix socket at that path: trying again does not help. */
export class PathError extends ListenError {
  override readonly name = "ListenError"; // as which it is known
}

/** What is in the way, and what to do. */
export function reasonOf(
  cause: NodeJS.ErrnoException | undefined,
): string | undefined {
  return REASONS[cause?.code ?? ""] ?? cause?.message;
}

/** For a port that is not to be had. */
export function refusalOfPort(
  port: number,
  host: string | undefined,
  cause: Error | undefined,
): ListenError {
  const where = `${host === undefined ? "port " : `${urlHost(host)}:`}${port}`;
  const reason = reasonOf(cause) ?? "the engine gives no reason";
  return new ListenError(`cannot listen on ${where}: ${reason}`, { cause });
}

const REASONS: Record<string, string | undefined> = {
  EADDRINUSE: "another process listens there; stop it, or choose another port",
  EACCES:
    "ports below 1024 take a privilege (CAP_NET_BIND_SERVICE); choose a higher one, or put a proxy in front",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such host",
};

/** `sun_path` of unix(7), without its end; the engine writes past it. */
const MAX_UNIX_PATH = 107;

/**
 * A process that is killed leaves its socket behind, and nobody can listen there before it is gone.
 *
 * @throws {ListenError} when something else is there, or the path is no good for a socket.
 */
export async function freeUnixPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_UNIX_PATH)
    throw refusal(path, `the path is longer than ${MAX_UNIX_PATH} bytes`);
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) return;
    const reason = found.isDirectory()
      ? "a folder is there; name a file in it"
      : found.isSocket()
        ? await whoListens(path)
        : "the file there is not a socket; remove it, or choose another path";
    if (reason !== undefined) throw refusal(path, reason);
    rmSync(path, { force: true });
  } catch (cause) {
    if (cause instanceof ListenError) throw cause;
    throw refusalAt(path, cause as Error);
  }
}

/** For a Unix socket that could not be made where nothing is in the way. `cause`: what the system says, if it does. */
export const refusalAt = (path: string, cause?: Error): ListenError =>
  refusal(path, reasonAt(path, cause), cause);

/** The engine gives no reason, and libuv takes a missing folder for one that is closed: so the folder is looked at. */
function reasonAt(path: string, cause: Error | undefined): string {
  const folder = dirname(path);
  try {
    accessSync(`${folder}/.`, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    return OF_A_FOLDER[code]?.(folder) ?? message;
  }
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") return SOMEBODY; // since it was looked at
  return cause?.message ?? "the engine gives no reason";
}

const OF_A_FOLDER: Record<string, ((folder: string) => string) | undefined> = {
  ENOENT: (folder) => `there is no folder ${folder}; make it`,
  ENOTDIR: (folder) => `${folder} is not a folder`,
  EACCES: (folder) => `this user may not make files in ${folder}`,
  EROFS: (folder) => `${folder} is on a file system that is read-only`,
};

/** What keeps a socket where it is. Who is there but has no time for us, or speaks in datagrams, listens as well. */
function whoListens(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = connect(path, () => resolve(SOMEBODY))
      .on("error", ({ code = "" }: NodeJS.ErrnoException) =>
        resolve(code in OTHERS ? OTHERS[code] : SOMEBODY),
      )
      .on("connect", () => probe.destroy());
  });
}

const SOMEBODY = "another process listens there";

const OTHERS: Record<string, string | undefined> = {
  ECONNREFUSED: undefined,
  ENOENT: undefined, // it has gone meanwhile
  EACCES:
    "the socket there is another user's, who may be listening; remove it, or choose another path",
};

const refusal = (path: string, reason: string, cause?: unknown): ListenError =>
  new (reason === SOMEBODY ? ListenError : PathError)(
    `cannot listen on ${path}: ${reason}`,
    { cause },
  );
