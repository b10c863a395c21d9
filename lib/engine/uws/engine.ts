/** uWebSockets.js as an engine: opens a listener, says clearly why it cannot, serves its requests, closes it. */
import { chmodSync, existsSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { formatAddress } from "../../common/address.ts";
import { type ListenError, UsageError } from "../../common/errors.ts";
import type { Chunk, Engine, Listener, Serve } from "../engine.ts";
import type { SocketConnection, SocketPlace } from "../socket.ts";
import { IDLE_TIMEOUT_MS, LAST_MS, type Connections } from "../connections.ts";
import { Entrance } from "../entrance.ts";
import type { Address, ListenOptions } from "../listen-options.ts";
import {
  freeUnixPath,
  portAddress,
  refusalAt,
  refusalOfPort,
} from "../target.ts";
import type { Certificate } from "../tls-files.ts";
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
import { idleSecondsFor, Keeping } from "./reply-head.ts";
import { receiveUpgrades, UwsSocket, wellFormed } from "./socket.ts";
import { SpareCork } from "./spare-cork.ts";
import { UpgradeOutlet } from "./upgrade.ts";
import { SecureApps, type Preparation } from "./secure.ts";

export const engine: Engine = {
  name: "uws",
  async listen(
    target,
    serve,
    { idleTimeoutMs, sockets = [] } = {},
    entrance = new Entrance(target.tls ? "https" : "http"),
  ) {
    if (target.http2)
      throw new UsageError(
        'the engine "uws" does not speak HTTP/2; leave http2 out, or take the engine "node"',
      );
    if (target.halfOpen)
      throw new UsageError(
        'the engine "uws" takes a client that closes its side for gone; leave halfOpen out, or take the engine "node"',
      );
    if (target.fd !== undefined)
      throw new UsageError(
        'the engine "uws" listens on no fd, as uWebSockets.js opens its sockets itself; take the engine "node"',
      );
    const idleSeconds =
      idleTimeoutMs === undefined
        ? IDLE_TIMEOUT_MS / 1000 // the engine's own
        : idleSecondsFor(idleTimeoutMs);
    const packet = new Packet(new Keeping(idleSeconds));
    const spare = sockets.length > 0 ? await SpareCork.open() : undefined;
    const prepare = {
      app(app: TemplatedApp): void {
        if (idleTimeoutMs !== undefined) limitIdling(app, idleSeconds);
        watch(app, entrance);
      },
      routes: (app: TemplatedApp) =>
        route(app, serve, entrance, packet, sockets, spare),
    };
    const apps = await orClose([spare], () =>
      target.tls ? new SecureApps(target.tls, prepare) : new PlainApp(prepare),
    );
    const { acceptor } = apps;
    const { socket, address } = await orClose([apps, spare], () =>
      target.unix === undefined
        ? listenPort(acceptor, target, entrance.scheme)
        : listenUnix(acceptor, target.unix),
    );
    entrance.port = address.port;
    const { lingering } = packet;
    return new UwsListener(apps, socket, address, entrance, lingering, spare);
  },
};

/** What accepts, also serves. */
class PlainApp {
  readonly acceptor: TemplatedApp = uws.App();
  readonly all = [this.acceptor];

  constructor(prepare: Preparation) {
    prepare.app(this.acceptor);
    prepare.routes(this.acceptor);
  }

  close(): void {
    this.acceptor.close();
  }
}

type Apps = PlainApp | SecureApps;

class UwsListener implements Listener {
  readonly address: Address;
  readonly #apps: Apps;
  readonly #entrance: Entrance;
  readonly #lingering: Connections;
  /** Without a place for WebSockets there is none. */
  readonly #spare: SpareCork | undefined;
  #socket: us_listen_socket | undefined;

  constructor(
    apps: Apps,
    socket: us_listen_socket,
    address: Address,
    entrance: Entrance,
    lingering: Connections,
    spare: SpareCork | undefined,
  ) {
    this.#spare = spare;
    this.#apps = apps;
    this.#lingering = lingering;
    this.#socket = socket;
    this.address = address;
    this.#entrance = entrance;
  }

  get certificates(): readonly Certificate[] {
    return this.#apps instanceof SecureApps ? this.#apps.certificates : [];
  }

  renewal(): () => void {
    return this.#apps instanceof SecureApps ? this.#apps.renewal() : () => {};
  }

  untilTaken(): Promise<void> {
    return this.#entrance.connections.untilTaken();
  }

  stop(): void {
    if (this.#socket === undefined) return;
    uws.us_listen_socket_close(this.#socket);
    this.#socket = undefined;
    if (this.address.unix !== undefined)
      rmSync(this.address.unix, { force: true });
  }

  publish(
    topic: string,
    message: Chunk,
    compress: boolean,
    except: SocketConnection | undefined,
  ): void {
    if (this.#spare === undefined) return; // the engine has no topics, and would end the process
    const isBinary = typeof message !== "string";
    const text = wellFormed(message);
    for (const app of this.#apps.all)
      if (except instanceof UwsSocket && except.app === app)
        except.publish(topic, text, isBinary, compress);
      else app.publish(topic, text, isBinary, compress);
  }

  async untilUnused(signal: AbortSignal): Promise<void> {
    if (this.#apps instanceof SecureApps) await this.#apps.handedOver();
    await this.#entrance.connections.untilNone(signal);
  }

  /** Who is still sending would lose a reply that it has got already. */
  async destroy(): Promise<void> {
    this.stop();
    if (this.#apps instanceof SecureApps) await this.#apps.handedOver();
    this.#entrance.closing();
    if (!this.#lingering.none)
      await this.#lingering.untilNone(AbortSignal.timeout(LAST_MS));
    this.#apps.close();
    this.#spare?.close();
  }
}

/**
 * All requests of an app, or of one of its hosts, come in here. GET has a route of its own, as the engine knows its
 * name then without a copy.
 */
function route(
  app: TemplatedApp,
  serve: Serve,
  entrance: Entrance,
  packet: Packet,
  sockets: readonly SocketPlace[],
  spare: SpareCork | undefined,
): void {
  const receiveBy = (
    outlet: UwsOutlet,
    method: string,
    res: HttpResponse,
    req: HttpRequest,
    fields: readonly string[],
  ): void => {
    const head = new UwsHead(method, req, fields, res, outlet, entrance);
    serve(head, outlet, entrance);
  };
  const receiveOne = (
    method: string,
    res: HttpResponse,
    req: HttpRequest,
  ): void => {
    const fields = readFields(req);
    receiveBy(new UwsOutlet(res, packet, fields), method, res, req, fields);
  };
  for (const place of sockets)
    receiveUpgrades(app, place, entrance, (res, req, handshake) => {
      const fields = readFields(req);
      const outlet = new UpgradeOutlet(res, packet, fields, handshake, spare!);
      receiveBy(outlet, "GET", res, req, fields);
    });
  app.get("/*", (res, req) => receiveOne("GET", res, req));
  app.any("/*", (res, req) =>
    receiveOne(req.getCaseSensitiveMethod(), res, req),
  );
}

/** Of connections without a request that was understood: what the other engine understands. */
const OF_HTTP_1_0 =
  "a proxy that speaks HTTP/1.0 (nginx: proxy_http_version 1.1; or serve it by --engine node), ";

function watch(app: TemplatedApp, entrance: Entrance): void {
  app.filter((connection, change) => {
    if (Number(change) < 0) return entrance.closed(); // the address is not known any more
    const address = formatAddress(
      new Uint8Array(connection.getRemoteAddress()),
    );
    entrance.opened(address);
    if (!entrance.admits(address)) return void connection.close();
    connection.onAborted(() => entrance.unserved(address, OF_HTTP_1_0)); // forgotten with the first request
  });
}

/** Not in the typings; other releases of the engine have no such function. */
function limitIdling(
  app: TemplatedApp & {
    setIdleTimeout?(seconds: number): void;
    setResponseTimeout?(seconds: number): void;
  },
  seconds: number,
): void {
  if (app.setIdleTimeout === undefined || app.setResponseTimeout === undefined)
    throw new UsageError(
      "this release of uWebSockets.js has an idle timeout of its own; leave idleTimeoutMs out",
    );
  app.setIdleTimeout(seconds); // until there is a request
  app.setResponseTimeout(seconds); // after a reply
}

/** An app that does not get to listen is closed: the engine would keep it for ever. */
async function orClose<T>(
  opened: readonly ({ close(): void } | undefined)[],
  open: () => T | Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    for (const it of opened) it?.close();
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
  chmodSync(path, 0o777 & ~process.umask()); // as all others are made: the engine leaves it to its owner alone
  return { socket, address: { url: `unix:${path}`, unix: path } };
}
