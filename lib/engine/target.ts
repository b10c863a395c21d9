/** Where to listen, as somebody writes it: read; and a server of Node's that listens there. Loads no engine. */
import { once } from "node:events";
import type { Server } from "node:net";
import { urlHost } from "../common/address.ts";
import { ListenError } from "../common/errors.ts";
import { freeUnixPath, reasonOf, refusalAt } from "./obstacles.ts";

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

/** Nobody else can listen there then. @throws {ListenError} saying what is in the way. */
export async function listenAt(server: Server, target: Target): Promise<void> {
  if ("path" in target) await freeUnixPath(target.path);
  try {
    server.listen({ ...target, exclusive: true });
    await once(server, "listening");
  } catch (cause) {
    if ("path" in target) throw refusalAt(target.path, cause as Error);
    throw new ListenError(
      `cannot listen on ${formatTarget(target)}: ${reasonOf(cause as Error)}`,
      { cause },
    );
  }
}
