/**
 * An address where front servers speak uwsgi to the loop (nginx: `uwsgi_pass`).
 *
 * Routes are in the engine's own tree, which only its own connections reach. So each request that comes here is asked of
 * the loop by HTTP, on Unix sockets in a folder that only this user can enter: one for each scheme that a client may
 * have spoken.
 */
import { rmSync } from "node:fs";
import { Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Connections } from "../engine/connections.ts";
import { Entrance } from "../engine/entrance.ts";
import type { Engine, Listener, Serve } from "../engine/engine.ts";
import type { Logger } from "../common/log.ts";
import { makePrivateFolder } from "../common/private-folder.ts";
import { Connection, type Inside } from "./connection.ts";
import { openUwsgiServer, uwsgiAddress } from "./server.ts";

/** Milliseconds; as the engine's own, where no other is set. */
const IDLE_TIMEOUT_MS = 30_000;

/**
 * @throws {ListenError} saying what is in the way.
 * @throws {UsageError} for a target that is none.
 */
export async function openUwsgiListener(
  where: string | Server,
  engine: Engine,
  serve: Serve,
  { idleTimeoutMs }: { idleTimeoutMs?: number | undefined },
  log: Logger,
): Promise<Listener> {
  const inner = await openInside(engine, serve, { idleTimeoutMs });
  const front = new Front(inner.paths, idleTimeoutMs ?? IDLE_TIMEOUT_MS, log);
  const server = await serverAt(where).catch((error) => {
    inner.destroy();
    throw error;
  });
  server.on("connection", (socket) => front.add(socket));
  const stop = (): void => void server.close();
  return {
    address: uwsgiAddress(server.address()!),
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

const serverAt = async (where: string | Server): Promise<Server> =>
  where instanceof Server ? where : await openUwsgiServer(where);

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
  engine: Engine,
  serve: Serve,
  options: { idleTimeoutMs?: number | undefined },
): Promise<{ paths: Inside; destroy(): void }> {
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
          options,
          new Entrance(scheme, true),
        ),
      );
    return { paths, destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}
