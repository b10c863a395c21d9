/**
 * An address where front servers speak uwsgi to the loop (nginx: `uwsgi_pass`).
 *
 * Each request that comes here is sent to the loop by HTTP, on Unix sockets in a folder that only this user can enter:
 * one for each scheme that a client may have spoken.
 */
import { rmSync } from "node:fs";
import { createServer, Server, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { urlHost } from "../common/address.ts";
import { UsageError } from "../common/errors.ts";
import { Connections } from "../engine/connections.ts";
import { Entrance } from "../engine/entrance.ts";
import type {
  ConnectionLimits,
  Engine,
  Listener,
  Serve,
} from "../engine/engine.ts";
import type { Address } from "../engine/listen-options.ts";
import { listenAt, parseTarget, type Target } from "../engine/target.ts";
import type { Logger } from "../common/log.ts";
import { makePrivateFolder } from "../common/private-folder.ts";
import { UwsgiConnection, type InnerSockets } from "./connection.ts";

/** Milliseconds; the engine's own default. */
const IDLE_TIMEOUT_MS = 30_000;

/**
 * @throws {ListenError} saying what is in the way.
 * @throws {UsageError} for an address that is not valid, or a server that does not listen.
 */
export async function openUwsgiListener(
  where: string | Server,
  engine: Engine,
  serve: Serve,
  limits: ConnectionLimits,
  log: Logger,
): Promise<Listener> {
  const server = where instanceof Server ? where : createServer();
  if (server === where && server.address() === null)
    throw new UsageError(
      'the server of listen({ uwsgi: server }) does not listen; wait for its "listening" first',
    );
  const inner = await openInnerListeners(engine, serve, limits);
  try {
    if (typeof where === "string") await listenAt(server, targetOf(where));
  } catch (error) {
    inner.destroy();
    throw error;
  }
  const open = new Set<UwsgiConnection>();
  const connections = new Connections();
  const { idleTimeoutMs = IDLE_TIMEOUT_MS } = limits;
  const take = (socket: Socket): void => {
    const one = new UwsgiConnection(socket, inner.paths, idleTimeoutMs, log);
    open.add(one);
    connections.add(1);
    socket.on("close", () => {
      open.delete(one);
      connections.add(-1);
    });
  };
  server.on("connection", take);
  const stop = (): void => void server.close();
  return {
    address: addressOf(server.address()!),
    stop,
    untilUnused: (signal) => connections.untilNone(signal),
    async destroy() {
      stop();
      server.off("connection", take);
      for (const one of open) one.finish();
      inner.destroy();
      await connections.untilNone(NEVER);
    },
  };
}

const NEVER = new AbortController().signal;

/** The loop's side: a listener for each scheme, in a folder that is removed with them. */
async function openInnerListeners(
  engine: Engine,
  serve: Serve,
  limits: ConnectionLimits,
): Promise<{ paths: InnerSockets; destroy(): void }> {
  const folder = makePrivateFolder(tmpdir(), "uwsgi");
  const paths = { http: join(folder, "http"), https: join(folder, "https") };
  const listeners: Listener[] = [];
  const destroy = (): void => {
    for (const listener of listeners) void listener.destroy();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const scheme of ["http", "https"] as const)
      listeners.push(
        await engine.listen(
          { unix: paths[scheme] },
          serve,
          limits,
          new Entrance(scheme, true),
        ),
      );
    return { paths, destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}

function targetOf(where: string): Target {
  const target = parseTarget(where);
  if (target !== undefined) return target;
  throw new UsageError(
    `uwsgi takes "host:port" or "unix:/path", not "${where}"`,
  );
}

/** With a URL for people to read. */
function addressOf(at: string | AddressInfo): Address {
  if (typeof at === "string") return { url: `uwsgi+unix:${at}`, unix: at };
  const { address: host, port } = at;
  return { url: `uwsgi://${urlHost(host)}:${port}`, port, host };
}
