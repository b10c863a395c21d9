/** The socket on which front servers that speak uwsgi connect. */
import { createServer, type AddressInfo, type Server } from "node:net";
import { urlHost } from "../common/address.ts";
import { UsageError } from "../common/errors.ts";
import type { Address } from "../engine/listen-options.ts";
import { listenAt, parseTarget } from "../engine/target.ts";

/**
 * A server that listens there, and is closed by whoever asked for it.
 *
 * @throws {ListenError} saying what is in the way.
 * @throws {UsageError} for an address that is not valid.
 */
export async function openUwsgiServer(where: string): Promise<Server> {
  const target = parseTarget(where);
  if (target === undefined)
    throw new UsageError(
      `uwsgi takes "host:port" or "unix:/path", not "${where}"`,
    );
  const server = createServer();
  await listenAt(server, target);
  return server;
}

/** `server.address()` with a URL for people to read. */
export function uwsgiAddress(at: string | AddressInfo): Address {
  if (typeof at === "string") return { url: `uwsgi+unix:${at}`, unix: at };
  const { address: host, port } = at;
  return { url: `uwsgi://${urlHost(host)}:${port}`, port, host };
}
