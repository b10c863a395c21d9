/**
 * One eddy at an address. Workers share their port, so that the kernel would let those of another eddy share it, too,
 * and while all of them are down it finds nobody there. So the supervisor claims the address, by a socket of another
 * kind, which ends with its process, however that ends.
 *
 * A TCP socket that is bound to the address and does not listen would show it to all programs. But Node does not bind
 * without listening, and the kernel would refuse workers that run as another user.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { call, resource, type Operation } from "effection";
import { ListenError } from "../common/errors.ts";
import { freeUnixPath } from "../engine/target.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Sockets } from "./sockets.ts";

/**
 * Claims an address until the scope ends.
 *
 * @param sockets has those that a predecessor claimed.
 * @param where setting and address, as the operator wrote it.
 * @param names what is claimed for it: two addresses that are in each other's way have a name in common.
 * @throws {CommandFailure} when another eddy has one of them.
 */
export function* useClaim(
  sockets: Sockets,
  where: string,
  names: readonly string[],
): Operation<void> {
  // Everybody takes them in the same order. So of two that start at the same moment one gets them all.
  for (const name of names.toSorted()) yield* useName(sockets, where, name);
}

/** Of a server, as Node gives it. */
type Place = Pick<AddressInfo, "address" | "port">;

/** An address of the machine, and for all of them each one there is. */
export function namesOf({ address, port }: Place): string[] {
  const families = ALL[address] ?? [];
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family }) => families.includes(family))
    .map((one) => one.address);
  return [...new Set([address, ...own])].map((one) => `${one} ${port}`);
}

const ALL: Record<string, readonly string[] | undefined> = {
  "0.0.0.0": ["IPv4"],
  "::": ["IPv4", "IPv6"],
};

function useName(
  sockets: Sockets,
  where: string,
  name: string,
): Operation<void> {
  return resource(function* (provide) {
    const server = createServer((visitor) => visitor.destroy());
    const claim = `claim ${name}`;
    yield* call(() =>
      sockets.listen(claim, server, () => hold(where, server, placeOf(name))),
    );
    try {
      yield* provide();
    } finally {
      sockets.close(claim);
    }
  });
}

/** @throws {CommandFailure} when somebody else does. */
export async function hold(
  where: string,
  server: Server,
  place: string,
): Promise<void> {
  try {
    if (place.startsWith("/")) await freeUnixPath(place);
    await once(server.listen(place), "listening");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isTaken = code === "EADDRINUSE" || cause instanceof ListenError;
    throw new CommandFailure(
      EXIT.failed,
      `${where}: ` +
        (isTaken
          ? "another eddy has this address, whether its workers serve now or not; stop it, or choose another"
          : `it cannot be claimed: ${message}`),
      { cause },
    );
  }
}

/**
 * On Linux a name that is no file (unix(7): abstract): it leaves nothing behind, and is known as far as the port is, in
 * the same network namespace. Filled up here, because Node 20 does so by itself. Elsewhere a socket in the user's
 * temporary folder, or a pipe of Windows'.
 */
export function placeOf(name: string, { platform } = process): string {
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
  const short = `eddy-claim-${hash}`;
  if (platform === "linux") return `\0${short.padEnd(107, ".")}`;
  return platform === "win32" ? `\\\\.\\pipe\\${short}` : join(tmpdir(), short);
}
