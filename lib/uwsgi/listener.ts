/**
 * An address where front servers speak uwsgi to the loop (nginx: `uwsgi_pass`).
 *
 * Routes are in the engine's own tree, which only its own connections reach. So each request that comes here is asked of
 * the loop by HTTP, on Unix sockets in a folder that only this user can enter: one for each scheme that a client may
 * have spoken.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import {
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { urlHost } from "../address.ts";
import { ListenError, UsageError } from "../errors.ts";
import {
  Connections,
  freeUnixPath,
  openListener,
  reasonOf,
  type Address,
  type Listener,
  type Register,
} from "../listener.ts";
import type { Logger } from "../log.ts";
import { Connection, type Inside } from "./connection.ts";

/** Milliseconds; as the engine's own, where no other is set. */
const IDLE_TIMEOUT_MS = 30_000;

/**
 * @throws {ListenError} saying what is in the way.
 * @throws {UsageError} for a target that is none.
 */
export async function openUwsgiListener(
  where: string,
  register: Register,
  { idleTimeoutMs }: { idleTimeoutMs?: number | undefined },
  log: Logger,
): Promise<Listener> {
  const target = parseTarget(where);
  if ("path" in target) await freeUnixPath(target.path);
  const inner = await openInside(register, { idleTimeoutMs });
  const front = new Front(inner.paths, idleTimeoutMs ?? IDLE_TIMEOUT_MS, log);
  const server = createServer((socket) => front.add(socket));
  const address = await listenAt(server, target, where).catch((error) => {
    inner.destroy();
    throw error;
  });
  const stop = (): void => void server.close();
  return {
    address,
    stop,
    untilUnused: (signal) => front.connections.untilNone(signal),
    async destroy() {
      stop();
      front.finish();
      inner.destroy();
      await front.connections.untilNone(NEVER);
    },
  };
}

const NEVER = new AbortController().signal;

/** The connections of front servers. */
class Front {
  readonly connections = new Connections();
  readonly #open = new Set<Connection>();
  readonly #inside: Inside;
  readonly #idleTimeoutMs: number;
  readonly #log: Logger;

  constructor(inside: Inside, idleTimeoutMs: number, log: Logger) {
    this.#inside = inside;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#log = log;
  }

  add(socket: Socket): void {
    const connection = new Connection(
      socket,
      this.#inside,
      this.#idleTimeoutMs,
      this.#log,
    );
    this.#open.add(connection);
    this.connections.add(1);
    socket.on("close", () => {
      this.#open.delete(connection);
      this.connections.add(-1);
    });
  }

  finish(): void {
    for (const connection of this.#open) connection.finish();
  }
}

/** The loop's own side: a listener for each scheme, gone with their folder. */
async function openInside(
  register: Register,
  options: { idleTimeoutMs?: number | undefined },
): Promise<{ paths: Inside; destroy(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "eddy-uwsgi-")); // mode 0700
  const paths = { http: join(folder, "http"), https: join(folder, "https") };
  const listeners: Listener[] = [];
  const destroy = (): void => {
    for (const listener of listeners) void listener.destroy();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const scheme of ["http", "https"] as const)
      listeners.push(
        await openListener(
          { unix: paths[scheme] },
          (app) => register(app, { scheme, fronted: true }),
          options,
        ),
      );
    return { paths, destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}

type Target = { path: string } | { host: string; port: number };

function parseTarget(where: string): Target {
  const path = /^unix:(\/.+)$/.exec(where)?.[1];
  if (path !== undefined) return { path };
  const [, ipv6, name, port] =
    /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(where) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError(
      `uwsgi takes "host:port" or "unix:/path", not "${where}"`,
    );
  return { host, port: Number(port) };
}

async function listenAt(
  server: Server,
  target: Target,
  where: string,
): Promise<Address> {
  try {
    server.listen({ ...target, exclusive: true });
    await once(server, "listening");
  } catch (cause) {
    throw new ListenError(
      `cannot listen on ${where}: ${reasonOf(cause as NodeJS.ErrnoException)}`,
      { cause },
    );
  }
  if ("path" in target)
    return { url: `uwsgi+unix:${target.path}`, unix: target.path };
  const { port } = server.address() as AddressInfo;
  const { host } = target;
  return { url: `uwsgi://${urlHost(host)}:${port}`, port, host };
}
