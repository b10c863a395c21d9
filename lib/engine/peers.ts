/**
 * How many connections the kernel has to a port, by their other end. Linux only: engines do not tell whose one has
 * ended.
 */
import { readFileSync } from "node:fs";
import { formatAddress } from "../common/address.ts";

/** Open ones: ESTABLISHED, and CLOSE_WAIT, which the other end has left (`include/net/tcp_states.h`). */
const OPEN = new Set(["01", "08"]);

/** Those that somebody has accepted; undefined where the kernel has no such table. */
export function connectionsByPeer(
  port: number,
): Map<string, number> | undefined {
  const counts = new Map<string, number>();
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let found = false;
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const table = readTable(file);
    found ||= table !== undefined;
    for (const line of table ?? []) {
      const [, local, remote, state, , , , , , inode] = line
        .trim()
        .split(/\s+/, 10);
      if (!local?.endsWith(suffix) || !OPEN.has(state!) || inode === "0")
        continue;
      const address = addressOf(remote!);
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
  }
  return found ? counts : undefined;
}

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
