/** Listens on a socket that this process has inherited, and finds out where that is. */
import { once } from "node:events";
import { readFileSync, readlinkSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { ListenError } from "../common/errors.ts";
import type { Address } from "./listen-options.ts";
import { portAddress, startListening } from "./target.ts";

/**
 * Where it listens: the path of a Unix socket, empty where the system does not tell.
 *
 * @throws {ListenError} when `fd` is no socket that can listen.
 */
export async function listenOn(
  server: Server,
  fd: number,
): Promise<AddressInfo | string> {
  try {
    startListening(server, { fd });
    await once(server, "listening");
  } catch (cause) {
    throw new ListenError(
      `cannot listen on file descriptor ${fd}: this process has inherited no socket there that listens or is bound; ` +
        "systemd passes the first as 3 (see systemd-socket-activate(1))",
      { cause },
    );
  }
  return (server.address() as AddressInfo | null) ?? pathOf(fd);
}

/** As a listener reports it. */
export function inheritedAddress(
  at: AddressInfo | string,
  fd: number,
  scheme: string,
): Address {
  if (typeof at !== "string") return portAddress(scheme, at.port, at.address);
  if (at === "") return { url: `fd:${fd}` };
  return { url: `unix:${at}`, unix: at };
}

/** Of a Unix socket. Node does not say, but Linux does (proc_pid_net(5)). */
function pathOf(fd: number): string {
  try {
    const link = readlinkSync(`/proc/self/fd/${fd}`);
    const rows = readFileSync("/proc/self/net/unix", "utf8").split("\n");
    const found = rows.map((row) => ROW.exec(row));
    return found.find((row) => `socket:[${row?.[1]}]` === link)?.[2] ?? "";
  } catch {
    return ""; // another system
  }
}

/** Number, count, protocol, flags, type, state, inode, path. */
const ROW = /^\S+: (?:\S+ +){5} *(\d+) (.+)$/;
