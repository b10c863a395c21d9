/** The socket on which front servers that speak uwsgi connect. Loads no engine: who only accepts, needs none. */
import { once } from "node:events";
import {
  createServer,
  type AddressInfo,
  type Server,
  type ServerOpts,
} from "node:net";
import { urlHost } from "../address.ts";
import { ListenError, UsageError } from "../errors.ts";
import type { Address } from "../listener.ts";
import { freeUnixPath, reasonOf } from "../obstacles.ts";

/**
 * A server that listens there, and is closed by whoever asked for it.
 *
 * @throws {ListenError} saying what is in the way.
 * @throws {UsageError} for a target that is none.
 */
export async function openUwsgiServer(
  where: string,
  options: ServerOpts = {},
): Promise<Server> {
  const target = parseTarget(where);
  if ("path" in target) await freeUnixPath(target.path);
  const server = createServer(options);
  try {
    server.listen({ ...target, exclusive: true });
    await once(server, "listening");
  } catch (cause) {
    throw new ListenError(
      `cannot listen on ${where}: ${reasonOf(cause as NodeJS.ErrnoException)}`,
      { cause },
    );
  }
  return server;
}

type Target = { path: string } | { host?: string; port: number };

const TCP = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))?:(\d{1,5})$/;

function parseTarget(where: string): Target {
  const path = /^unix:(.+)$/.exec(where)?.[1];
  if (path !== undefined) return { path };
  const [, ipv6, name, port] = TCP.exec(where) ?? [];
  const host = ipv6 ?? name;
  if (port === undefined || Number(port) > 65_535)
    throw new UsageError(
      `uwsgi takes "host:port" or "unix:/path", not "${where}"`,
    );
  return { ...(host !== undefined && { host }), port: Number(port) };
}

/** What `server.address()` says, for people. */
export function uwsgiAddress(at: string | AddressInfo): Address {
  if (typeof at === "string") return { url: `uwsgi+unix:${at}`, unix: at };
  const { address: host, port } = at;
  return { url: `uwsgi://${urlHost(host)}:${port}`, port, host };
}
