/** uWebSockets.js as an engine: opens a listener, says clearly why it cannot, serves its requests, closes it. */
import { existsSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { formatAddress } from "../../common/address.ts";
import { type ListenError, UsageError } from "../../common/errors.ts";
import type { Engine, Listener, Serve } from "../engine.ts";
import { LAST_MS, type Connections } from "../connections.ts";
import { Entrance } from "../entrance.ts";
import type { Address, ListenOptions, TlsOptions } from "../listen-options.ts";
import {
  freeUnixPath,
  portAddress,
  refusalAt,
  refusalOfPort,
} from "../target.ts";
import { readTls } from "../tls-files.ts";
import { readFields, UwsHead } from "./head.ts";
import {
  uws,
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
} from "./load.ts";
import { UwsOutlet } from "./outlet.ts";
import { Packet } from "./packet.ts";

export const engine: Engine = {
  name: "uws",
  async listen(
    target,
    serve,
    { idleTimeoutMs } = {},
    entrance = new Entrance(target.tls ? "https" : "http"),
  ) {
    if (target.http2)
      throw new UsageError(
        'the engine "uws" does not speak HTTP/2; leave http2 out, or take the engine "node"',
      );
    const app = target.tls ? secureApp(target.tls) : uws.App();
    const packet = new Packet();
    const { socket, address } = await orClose(app, () => {
      if (idleTimeoutMs !== undefined) limitIdling(app, idleTimeoutMs);
      receive(app, serve, entrance, packet);
      return target.unix === undefined
        ? listenPort(app, target, entrance.scheme)
        : listenUnix(app, target.unix);
    });
    entrance.port = address.port;
    return new UwsListener(app, socket, address, entrance, packet.lingering);
  },
};

class UwsListener implements Listener {
  readonly address: Address;
  readonly #app: TemplatedApp;
  readonly #entrance: Entrance;
  readonly #lingering: Connections;
  #socket: us_listen_socket | undefined;

  constructor(
    app: TemplatedApp,
    socket: us_listen_socket,
    address: Address,
    entrance: Entrance,
    lingering: Connections,
  ) {
    this.#app = app;
    this.#lingering = lingering;
    this.#socket = socket;
    this.address = address;
    this.#entrance = entrance;
  }

  stop(): void {
    if (this.#socket === undefined) return;
    uws.us_listen_socket_close(this.#socket);
    this.#socket = undefined;
    if (this.address.unix !== undefined)
      rmSync(this.address.unix, { force: true });
  }

  untilUnused(signal: AbortSignal): Promise<void> {
    return this.#entrance.connections.untilNone(signal);
  }

  /** Who is still sending would lose a reply that it has got already. */
  async destroy(): Promise<void> {
    this.stop();
    this.#entrance.closing();
    if (!this.#lingering.none)
      await this.#lingering.untilNone(AbortSignal.timeout(LAST_MS));
    this.#app.close();
  }
}

/**
 * All requests of an app come in here. GET has a route of its own, as the engine knows its name then without a copy.
 */
function receive(
  app: TemplatedApp,
  serve: Serve,
  entrance: Entrance,
  packet: Packet,
): void {
  const receiveOne = (
    method: string,
    res: HttpResponse,
    req: HttpRequest,
  ): void => {
    const fields = readFields(req);
    const outlet = new UwsOutlet(res, packet, fields);
    const head = new UwsHead(method, req, fields, res, outlet, entrance);
    serve(head, outlet, entrance);
  };
  app.get("/*", (res, req) => receiveOne("GET", res, req));
  app.any("/*", (res, req) =>
    receiveOne(req.getCaseSensitiveMethod(), res, req),
  );
  app.filter((connection, change) => {
    if (Number(change) < 0) return entrance.closed(); // the address is not known any more
    const address = formatAddress(
      new Uint8Array(connection.getRemoteAddress()),
    );
    entrance.opened(address);
    if (!entrance.admits(address)) return void connection.close();
    connection.onAborted(() => entrance.unserved(address)); // forgotten with the first request
  });
}

/** Not in the typings; other releases of the engine have no such function. */
function limitIdling(
  app: TemplatedApp & {
    setIdleTimeout?(seconds: number): void;
    setResponseTimeout?(seconds: number): void;
  },
  idleTimeoutMs: number,
): void {
  if (app.setIdleTimeout === undefined || app.setResponseTimeout === undefined)
    throw new UsageError(
      "this release of uWebSockets.js has an idle timeout of its own; leave idleTimeoutMs out",
    );
  const seconds = Math.ceil(idleTimeoutMs / 1000);
  app.setIdleTimeout(seconds); // until there is a request
  app.setResponseTimeout(seconds); // after a reply
}

/** An app that does not get to listen is closed: the engine would keep it for ever. */
async function orClose<T>(
  app: TemplatedApp,
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    app.close();
    throw error;
  }
}

/** `ListenOptions` of the engine's typings, which are not there at run time. */
const SHARED_PORT = 0;
const EXCLUSIVE_PORT = 1;

interface Opened {
  socket: us_listen_socket;
  address: Address;
}

async function listenPort(
  app: TemplatedApp,
  { port = 0, host, share = false }: ListenOptions,
  scheme: string,
): Promise<Opened> {
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    // The typings leave out that a host and options go together.
    const listen = app.listen.bind(app) as (...args: unknown[]) => void;
    listen(
      ...(host === undefined ? [] : [host]),
      port,
      share ? SHARED_PORT : EXCLUSIVE_PORT,
      resolve,
    );
  });
  if (!socket) throw await whyNot(port, host);
  const bound = uws.us_socket_local_port(socket);
  return { socket, address: portAddress(scheme, bound, host) };
}

/** The engine only says that it failed; node:net, asked for the same, says why. */
async function whyNot(
  port: number,
  host: string | undefined,
): Promise<ListenError> {
  const probe = createServer();
  const cause = await new Promise<NodeJS.ErrnoException | undefined>(
    (resolve) => {
      probe.once("error", resolve);
      probe.listen({ port, host, exclusive: true }, () =>
        probe.close(() => resolve(undefined)),
      );
    },
  );
  return refusalOfPort(port, host, cause);
}

async function listenUnix(app: TemplatedApp, path: string): Promise<Opened> {
  do await freeUnixPath(path);
  while (existsSync(path)); // somebody was quicker: the engine would take the path away from it
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    app.listen_unix(resolve, path);
  });
  if (!socket) throw refusalAt(path);
  return { socket, address: { url: `unix:${path}`, unix: path } };
}

/** The engine itself does not say what is wrong with its files. */
function secureApp(tls: TlsOptions): TemplatedApp {
  readTls(tls);
  const { key, cert, passphrase } = tls;
  return uws.SSLApp({
    key_file_name: key,
    cert_file_name: cert,
    ...(passphrase !== undefined && { passphrase }),
  });
}
