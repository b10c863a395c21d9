/**
 * Where to listen, as other servers have it said: `--host`, `--port`, `--bind`, and the variable `PORT` of platforms.
 */
import { urlHost } from "../common/address.ts";
import type { Flags } from "./command-line.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { parseHttpAddress } from "./http-address.ts";

/** What platforms set that run a service. It stands in for the default of `http`, for all addresses of the machine. */
export const PORT = "PORT";

/** Nobody else reaches it: what others may is for the operator to say. */
export const LOOPBACK = "127.0.0.1";

/** Nobody outside of this machine, or container, reaches it. */
export const isLoopback = (host: string): boolean =>
  /^(127\.[\d.]+|::1|localhost)$/.test(host);

const DEFAULT_PORT = "8000";

interface Words {
  readonly host?: string;
  readonly port?: string;
  readonly bind?: readonly string[];
}

/** The flags with `http` in place of those that mean it. @throws {CommandFailure} for what is no port or no host. */
export function withHttp(given: Flags, env: NodeJS.ProcessEnv): Flags {
  const { host, port, bind, ...flags } = given as Flags & Words;
  const words = Object.entries({ host, port, bind, http: flags.http }).filter(
    ([, value]) => value !== undefined,
  );
  const names = words.map(([name]) => name).join();
  if (names === "" || names === "http") return flags;
  if (names === "bind") return { ...flags, http: bind };
  if (!["host", "port", "host,port"].includes(names))
    throw new CommandFailure(
      EXIT.usage,
      `${words.map(([name]) => `--${name}`).join(" and ")} say where to listen: give one of them`,
    );
  if (port !== undefined) checkPort("--port", port);
  const at = `${hostOf(host ?? LOOPBACK)}:${port ?? portOf(env) ?? DEFAULT_PORT}`;
  if (parseHttpAddress(at)) return { ...flags, http: [at] };
  throw new CommandFailure(
    EXIT.usage,
    `--host takes a name or an address, not ${JSON.stringify(host)}`,
  );
}

/** Undefined: the platform says nothing. @throws {CommandFailure} for what is no port. */
export function portOf({ PORT: port }: NodeJS.ProcessEnv): string | undefined {
  if (!port) return undefined;
  checkPort(PORT, port);
  return port;
}

function checkPort(source: string, port: string): void {
  if (!/^\d+$/.test(port) || Number(port) > 65_535)
    throw new CommandFailure(
      EXIT.usage,
      `${source} takes a port from 0 to 65535, not ${JSON.stringify(port)}`,
    );
}

const hostOf = (host: string): string =>
  host === "*" ? "" : urlHost(host.replace(/^\[(.*)\]$/, "$1"));
