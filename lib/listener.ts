/** One listening address: opens it, says clearly why it cannot, closes it. */
import { lstatSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createSecureContext } from "node:tls";
import { urlHost } from "./address.ts";
import { ListenError, UsageError } from "./errors.ts";
import { uws, type TemplatedApp, type us_listen_socket } from "./uws.ts";

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes any free port; the address tells which. */
  port?: number;
  /** Default: all addresses of the machine, IPv4 and IPv6. */
  host?: string;
  /** A path: listen on a Unix socket there, not on a port. A socket that a dead process left is replaced. */
  unix?: string;
  /** `host:port` or `unix:/path`: listen there for front servers that speak uwsgi, as nginx does with `uwsgi_pass`. Whoever can connect is believed: see docs/uwsgi.md. */
  uwsgi?: string;
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

/** What holds for every request that comes in by a listener. */
export interface Entrance {
  /** As the client spoke. */
  readonly scheme: "http" | "https";
  /** Our own front is the socket's other end; the peer is whom it names by the PROXY protocol. */
  readonly fronted: boolean;
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
 * @throws {UsageError} for a target that is none, or an `idleTimeoutMs` that the engine cannot keep.
 */
export async function openListener(
  target: ListenOptions,
  register: Register,
  { idleTimeoutMs }: { idleTimeoutMs?: number | undefined } = {},
): Promise<Listener> {
  checkTarget(target);
  const scheme = target.tls ? "https" : "http";
  const app = target.tls ? secureApp(target.tls) : uws.App();
  const connections = new Connections();
  const { socket, address } = await orClose(app, () => {
    if (idleTimeoutMs !== undefined) limitIdling(app, idleTimeoutMs);
    register(app, { scheme, fronted: false });
    app.filter((_, change) => connections.add(Number(change)));
    return target.unix === undefined
      ? listenPort(app, target, scheme)
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
    connections.untilNone(signal);
  return { address, stop, untilUnused, destroy };
}

/** How many are open. */
export class Connections {
  #count = 0;
  #whenNone: (() => void) | undefined;

  /** 1 or -1 */
  add(change: number): void {
    this.#count += change;
    if (this.#count === 0) this.#whenNone?.();
  }

  untilNone(signal: AbortSignal): Promise<void> {
    if (this.#count === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenNone = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
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

/** What is in the way, and what to do. */
export function reasonOf(
  cause: NodeJS.ErrnoException | undefined,
): string | undefined {
  return REASONS[cause?.code ?? ""] ?? cause?.message;
}

const REASONS: Record<string, string | undefined> = {
  EADDRINUSE: "another process listens there; stop it, or choose another port",
  EACCES:
    "ports below 1024 take a privilege (CAP_NET_BIND_SERVICE); choose a higher one, or put a proxy in front",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such host",
};

async function listenUnix(app: TemplatedApp, path: string): Promise<Opened> {
  await freeUnixPath(path);
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    app.listen_unix(resolve, path);
  });
  if (!socket)
    throw new ListenError(
      `cannot listen on ${path}: its folder is missing or not writable`,
    );
  return { socket, address: { url: `unix:${path}`, unix: path } };
}

/** `sun_path` of unix(7), without its end; the engine writes past it. */
const MAX_UNIX_PATH = 107;

/**
 * A process that is killed leaves its socket behind, and nobody can listen there before it is gone.
 *
 * @throws {ListenError} when something else is there, or the path is too long for a socket.
 */
export async function freeUnixPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_UNIX_PATH)
    throw new ListenError(
      `cannot listen on ${path}: the path is longer than ${MAX_UNIX_PATH} bytes`,
    );
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket())
    throw new ListenError(
      `cannot listen on ${path}: the file there is no socket`,
    );
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true)).on("error", () =>
      resolve(false),
    );
    probe.on("connect", () => probe.destroy());
  });
  if (alive)
    throw new ListenError(
      `cannot listen on ${path}: another process listens there`,
    );
  rmSync(path);
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

function checkTarget({ port, unix }: ListenOptions): void {
  if ((port === undefined) === (unix === undefined))
    throw new UsageError(
      "listen() takes a port, a unix socket's path, or an address for uwsgi",
    );
  if (
    port !== undefined &&
    (!Number.isInteger(port) || port < 0 || port > 65535)
  )
    throw new UsageError(`a port is a number from 0 to 65535, not ${port}`);
}
