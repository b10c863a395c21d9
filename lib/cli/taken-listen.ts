/**
 * A program as people have it, with its own `app.listen(3000)`: the first server of node:http that it has listen is the
 * command's to serve. The program is told as Node would tell it.
 */
import { Server } from "node:http";
import { Server as TlsServer } from "node:https";
import { Server as NetServer, type AddressInfo } from "node:net";
import { UsageError, type Address, type Loop } from "../index.ts";
import { formatTarget, type Target } from "../engine/target.ts";

/** What the program wanted. */
export interface TakenServer {
  readonly server: Server;
  /** As the setting `http` has it. */
  readonly http: string;
  /** The command serves it: there, until `loop` ends. */
  serve(address: Address, loop: Loop): void;
}

type Listen = (this: Server, ...how: unknown[]) => Server;

/**
 * From now on no server of node:http listens by itself. Gives the first that would.
 *
 * A further one at the same port is the same site at another address of the machine, as Fastify does it with
 * `localhost`; at another port there is an error, thrown where it listens.
 */
export function takeListen(): Promise<TakenServer> {
  return new Promise((resolve) => {
    let first: Taken | undefined;
    const listen: Listen = function (...how) {
      const target = targetOf(how);
      const told = how.findLast((one) => typeof one === "function");
      if (told) this.once("listening", told as () => void);
      if (first === undefined) {
        first = new Taken(this, target);
        resolve(first);
      } else first.join(this, target);
      return this;
    };
    define(Server.prototype, "listen", listen);
    define(TlsServer.prototype, "listen", () => {
      throw new UsageError(
        "the program has a server of node:https listen: under the command TLS is spoken by " +
          "--tls-key and --tls-cert, and the program's server is one of node:http",
      );
    });
  });
}

class Taken implements TakenServer {
  readonly server: Server;
  readonly http: string;
  readonly #target: Target;
  #served: { address: Address; loop: Loop } | undefined;

  constructor(server: Server, target: Target) {
    this.server = server;
    this.#target = target;
    this.http = formatTarget(target);
  }

  serve(address: Address, loop: Loop): void {
    this.#served = { address, loop };
    tell(this.server, address, loop);
  }

  join(server: Server, target: Target): void {
    const served = this.#served;
    const ports = [served?.address.port, portOf(this.#target)];
    if (served === undefined || !ports.includes(portOf(target)))
      throw new UsageError(
        `the program listens at ${formatTarget(target)}, too: under the command it has one server, ` +
          `which is that at ${this.http}; run the other by a command of its own`,
      );
    tell(server, served.address, served.loop);
  }
}

const portOf = (target: Target): number | string =>
  "path" in target ? target.path : target.port;

/** As after `listen`: there is an address, `listening`, and a `close` that waits for the loop. */
function tell(server: Server, address: Address, loop: Loop): void {
  const { host = "::", port } = address;
  const family = host.includes(":") ? "IPv6" : "IPv4";
  const at: AddressInfo | string =
    port === undefined ? address.url : { address: host, family, port };
  define(server, "address", () => at);
  define(server, "listening", true);
  define(server, "close", (told?: () => void) => {
    if (told) server.once("close", told);
    return server;
  });
  void loop.closed.then(
    () => server.emit("close"),
    () => server.emit("close"),
  );
  process.nextTick(() => server.emit("listening"));
}

function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    configurable: true,
    writable: true,
  });
}

/** Node takes a port, a port and a host, a path, or an object of these. @throws {UsageError} for what is none. */
function targetOf(how: readonly unknown[]): Target {
  const [what, host] = how;
  const { path, port, ...more } = (
    typeof what === "object" && what !== null
      ? what
      : isPort(what)
        ? { port: what, host: typeof host === "string" ? host : undefined }
        : typeof what === "string"
          ? { path: what }
          : { port: 0 }
  ) as { path?: string; port?: number | string; host?: string };
  if (path !== undefined) return { path };
  if (!isPort(port) || what instanceof NetServer)
    throw new UsageError(
      "the program has its server listen at what the command cannot take over; it takes a port, a port and a host, or a path",
    );
  return { ...(more.host && { host: more.host }), port: Number(port) };
}

const isPort = (value: unknown): boolean =>
  typeof value === "number" ||
  (typeof value === "string" && /^\d+$/.test(value));
