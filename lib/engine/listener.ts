/** One listening address: opens it, says clearly why it cannot, closes it. */
import { readFileSync, rmSync } from "node:fs";
import { createServer, Server } from "node:net";
import { createSecureContext } from "node:tls";
import { urlHost } from "../common/address.ts";
import {
  checkOptions,
  SWITCH,
  TEXT,
  type Rule,
} from "../common/checked-options.ts";
import { Entrance } from "./entrance.ts";
import { ListenError, UsageError } from "../common/errors.ts";
import { freeUnixPath, reasonOf, refusalAt } from "./obstacles.ts";
import { uws, type TemplatedApp, type us_listen_socket } from "./uws/load.ts";

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes any free port; the address tells which. */
  port?: number;
  /** Default: all addresses of the machine, IPv4 and IPv6. */
  host?: string;
  /** A path: listen on a Unix socket there, not on a port. A socket that a dead process left is replaced. */
  unix?: string;
  /** `host:port` or `unix:/path`: listen there for front servers that speak uwsgi, as nginx does with `uwsgi_pass`. Whoever can connect is believed: see docs/uwsgi.md. Or a server of `node:net` whose connections are taken, and which is closed with the loop. */
  uwsgi?: string | Server;
  /** Speak TLS. */
  tls?: TlsOptions;
  /** Other processes may listen on the same port if they share it, too; the kernel spreads the connections. Default `false`: a taken port is an error. */
  share?: boolean;
}

/** Paths of PEM files. */
export interface TlsOptions {
  key: string;
  cert: string;
  /** Of the key. */
  passphrase?: string;
}

/** Where a loop listens. */
export interface Address {
  /** For a browser or curl; `unix:/path` for a Unix socket. */
  readonly url: string;
  readonly port?: number;
  readonly host?: string;
  readonly unix?: string;
}

/** Puts the routes on an engine's app. */
export type Register = (app: TemplatedApp, entrance: Entrance) => void;

export interface Listener {
  readonly address: Address;
  /** Takes no new connections. */
  stop(): void;
  /** Resolves when no connection is left, or when `signal` fires. */
  untilUnused(signal: AbortSignal): Promise<void>;
  /** Cuts the connections that are left; done when those are gone that a reply is still on its way through. */
  destroy(): void | Promise<void>;
}

/**
 * Opens a listener; `register` puts the routes on it.
 *
 * @throws {ListenError} saying what is in the way.
 * @throws {UsageError} for an `idleTimeoutMs` that the engine cannot keep.
 */
export async function openListener(
  target: ListenOptions,
  register: Register,
  { idleTimeoutMs }: { idleTimeoutMs?: number | undefined } = {},
  entrance = new Entrance(target.tls ? "https" : "http", false),
): Promise<Listener> {
  const app = target.tls ? secureApp(target.tls) : uws.App();
  const { socket, address } = await orClose(app, () => {
    if (idleTimeoutMs !== undefined) limitIdling(app, idleTimeoutMs);
    register(app, entrance);
    app.filter((connection, change) =>
      entrance.changed(connection, Number(change)),
    );
    return target.unix === undefined
      ? listenPort(app, target, entrance.scheme)
      : listenUnix(app, target.unix);
  });
  let listening = true;
  const stop = (): void => {
    if (!listening) return;
    listening = false;
    uws.us_listen_socket_close(socket);
    if (address.unix !== undefined) rmSync(address.unix, { force: true });
  };
  const destroy = (): void => {
    stop();
    app.close();
  };
  const untilUnused = (signal: AbortSignal): Promise<void> =>
    entrance.connections.untilNone(signal);
  return { address, stop, untilUnused, destroy };
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
  const shown =
    host === undefined || host === "0.0.0.0" || host === "::"
      ? "localhost"
      : urlHost(host);
  return {
    socket,
    address: {
      url: `${scheme}://${shown}:${bound}`,
      port: bound,
      ...(host !== undefined && { host }),
    },
  };
}

/** The engine only says that it failed; node:net, asked for the same, says why. */
async function whyNot(
  port: number,
  host: string | undefined,
): Promise<ListenError> {
  const where = `${host === undefined ? "port " : `${urlHost(host)}:`}${port}`;
  const probe = createServer();
  const cause = await new Promise<NodeJS.ErrnoException | undefined>(
    (resolve) => {
      probe.once("error", resolve);
      probe.listen({ port, host, exclusive: true }, () =>
        probe.close(() => resolve(undefined)),
      );
    },
  );
  const reason = reasonOf(cause) ?? "the engine gives no reason";
  return new ListenError(`cannot listen on ${where}: ${reason}`, { cause });
}

async function listenUnix(app: TemplatedApp, path: string): Promise<Opened> {
  await freeUnixPath(path);
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    app.listen_unix(resolve, path);
  });
  if (!socket) throw refusalAt(path);
  return { socket, address: { url: `unix:${path}`, unix: path } };
}

/** Files and certificate are tried by Node first: it can say what is wrong with them. */
function secureApp({ key, cert, passphrase }: TlsOptions): TemplatedApp {
  const read = (file: string, what: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (cause) {
      throw new ListenError(
        `cannot read the TLS ${what}: ${(cause as Error).message}`,
        { cause },
      );
    }
  };
  try {
    createSecureContext({
      key: read(key, "key"),
      cert: read(cert, "certificate"),
      passphrase,
    });
  } catch (cause) {
    if (cause instanceof ListenError) throw cause;
    throw new ListenError(
      `the TLS key ${key} and certificate ${cert} do not work: ${(cause as Error).message}`,
      { cause },
    );
  }
  return uws.SSLApp({
    key_file_name: key,
    cert_file_name: cert,
    ...(passphrase !== undefined && { passphrase }),
  });
}

/** Of `uwsgi`, `uwsgi/server.ts` finds out more. */
const RULES: Record<keyof ListenOptions, Rule> = {
  port: [
    (value) =>
      Number.isInteger(value) &&
      (value as number) >= 0 &&
      (value as number) <= 65_535,
    "a number from 0 to 65535",
  ],
  host: TEXT,
  unix: TEXT,
  uwsgi: [
    (value) => typeof value === "string" || value instanceof Server,
    '"host:port", "unix:/path" or a server of node:net',
  ],
  tls: [
    (value) => typeof value === "object" && value !== null,
    "{ key, cert, passphrase? }",
  ],
  share: SWITCH,
};

/** @throws {UsageError} for a target that is none. */
export function checkTarget(target: ListenOptions): void {
  const { port, unix, uwsgi, tls } = checkOptions(target, RULES, "listen()");
  if ([port, unix, uwsgi].filter((it) => it !== undefined).length !== 1)
    throw new UsageError(
      "listen() takes a port, a unix socket's path, or an address for uwsgi",
    );
  if (tls !== undefined) checkTls(tls);
}

/** Shows none of the values: what they are in place of paths may be secret. */
function checkTls(tls: TlsOptions): void {
  const unknown = Object.keys(tls).find((name) => !TLS_OPTIONS.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `there is no option "${unknown}" of listen({ tls }), only ${TLS_OPTIONS.join(", ")}`,
    );
  for (const file of [tls.key, tls.cert])
    if (typeof file !== "string" || file.includes("-----BEGIN"))
      throw new UsageError(
        "listen({ tls }) takes the paths of two PEM files, key and cert, and not what is in them",
      );
}

const TLS_OPTIONS = ["key", "cert", "passphrase"];
