/**
 * What the kernel knows of the connections at a port: how many there are, by their other end, and whether something of
 * them waits to be sent. Linux only: engines do not tell.
 */
import { readFileSync } from "node:fs";
import { formatAddress } from "../common/address.ts";

/** Open ones: ESTABLISHED, and CLOSE_WAIT, which the other end has left (`include/net/tcp_states.h`). */
const OPEN = new Set(["01", "08"]);

/** Those that somebody has accepted; undefined where the kernel has no such table. */
export function connectionsByPeer(
  port: number,
): Map<string, number> | undefined {
  const connections = connectionsAt(port);
  if (connections === undefined) return undefined;
  const counts = new Map<string, number>();
  for (const { remote } of connections) {
    const address = addressOf(remote);
    counts.set(address, (counts.get(address) ?? 0) + 1);
  }
  return counts;
}

/** Whether the kernel has bytes for clients at a port that they have not got; true where it does not tell. */
export const hasUnsent = (port: number): boolean =>
  connectionsAt(port)?.some(({ unsent }) => unsent) ?? true;

interface Connection {
  /** As the table has it. */
  readonly remote: string;
  /** Something that was written has not got to the other end. */
  readonly unsent: boolean;
}

function connectionsAt(port: number): Connection[] | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const connections: Connection[] = [];
  let found = false;
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const table = readTable(file);
    found ||= table !== undefined;
    for (const line of table ?? []) {
      const [, local, remote, state, queues, , , , , inode] = line
        .trim()
        .split(/\s+/, 10);
      if (!local?.endsWith(suffix) || !OPEN.has(state!) || inode === "0")
        continue;
      connections.push({
        remote: remote!,
        unsent: !queues!.startsWith(NOTHING),
      });
    }
  }
  return found ? connections : undefined;
}

/** In front of the bytes that wait to be read: those that wait to be sent. */
const NOTHING = "00000000:";

/** Undefined: there is none, or it may not be read. */
function readTable(file: string): string[] | undefined {
  try {
    return readFileSync(file, "latin1").split("\n").slice(1);
  } catch {
    return undefined;
  }
}

/** `0100007F:1F90`, `0000…01000000:1F90`: words of 32 bits, each as the processor has it in memory. */
function addressOf(remote: string): string {
  const bytes = Buffer.from(remote.slice(0, remote.indexOf(":")), "hex");
  return formatAddress(bytes.swap32());
}
