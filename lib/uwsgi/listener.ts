/** An address where front servers speak uwsgi to the loop (nginx: `uwsgi_pass`). */
import { createServer, Server, type AddressInfo, type Socket } from "node:net";
import { urlHost } from "../common/address.ts";
import { UsageError } from "../common/errors.ts";
import { Live } from "../common/live.ts";
import {
  Connections,
  IDLE_TIMEOUT_MS,
  LAST_MS,
} from "../engine/connections.ts";
import { Entrance } from "../engine/entrance.ts";
import type { ConnectionLimits, Listener, Serve } from "../engine/engine.ts";
import { engineHeaderBytes } from "../engine/header-limit.ts";
import type { Address } from "../engine/listen-options.ts";
import { listenAt, parseTarget, type Target } from "../engine/target.ts";
import type { Logger } from "../common/log.ts";
import { UwsgiConnection } from "./connection.ts";

/**
 * @throws {ListenError} saying what is in the way.
 * @throws {UsageError} for an address that is not valid, or a server that does not listen.
 */
export async function openUwsgiListener(
  where: string | Server,
  serve: Serve,
  { idleTimeoutMs = IDLE_TIMEOUT_MS }: ConnectionLimits,
  halfOpen: boolean,
  log: Logger,
): Promise<Listener> {
  const server = where instanceof Server ? where : createServer();
  if (server === where && server.address() === null)
    throw new UsageError(
      'the server of listen({ uwsgi: server }) does not listen; wait for its "listening" first',
    );
  if (typeof where === "string") await listenAt(server, targetOf(where));
  const entrances = {
    http: new Entrance("http"),
    https: new Entrance("https"),
  };
  const maxBytes = engineHeaderBytes();
  const common = { serve, entrances, idleTimeoutMs, halfOpen, maxBytes, log };
  const open = new Live<UwsgiConnection>();
  const connections = new Connections();
  const take = (socket: Socket): void => {
    const one = new UwsgiConnection(socket, common);
    open.add(one);
    connections.add(1);
    socket.on("close", () => {
      one.closed();
      open.delete(one);
      connections.add(-1);
    });
  };
  server.on("connection", take);
  const stop = (): void => void server.close();
  return {
    address: addressOf(server.address()!),
    untilTaken: () => connections.untilTaken(),
    stop,
    untilUnused: (signal) => connections.untilNone(signal),
    async destroy() {
      stop();
      server.off("connection", take);
      for (const one of open.all()) one.finish();
      await connections.untilNone(AbortSignal.timeout(LAST_MS));
      for (const one of open.all()) one.cut();
    },
  };
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
