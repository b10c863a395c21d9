/**
 * The setting `uwsgi`: the supervisor accepts connections, and each is given to a worker, which serves it.
 *
 * Node's processes cannot share such a socket while they come and go. This way a reload loses no connection, and a Unix
 * socket serves several workers, too.
 */
import { lchownSync } from "node:fs";
import { createServer, Server, type AddressInfo, type Socket } from "node:net";
import { resolve } from "node:path";
import { call, resource, type Operation } from "effection";
import { listenAt, parseTarget, type Target } from "../engine/target.ts";
import type { Identity } from "./identity.ts";
import { ACTIVATED } from "./inheritance.ts";
import { refusing } from "./listen.ts";
import type { At, Sockets } from "./sockets.ts";

/** Connections that may wait for a worker, as many as in the kernel's own queue. */
const MAX_WAITING = 511;

/** A worker: who takes a connection, or gives it back at its end. */
interface Taker {
  give(connection: Socket): void;
  readonly untaken: { readonly size: number };
}

/** The supervisor's side. */
export class UwsgiFront {
  /** Where front servers find it, once it listens, or somebody before it does. */
  address: At = "";
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #given = 0;
  #ready: () => Taker[] = () => [];
  readonly #socket: { open(): Promise<At>; close(): void };

  constructor(server: Server, socket: { open(): Promise<At>; close(): void }) {
    this.#socket = socket;
    this.#server = server.on("connection", (socket) => this.#accept(socket));
  }

  /** Accepts connections, if it does not yet. */
  *open(): Operation<void> {
    if (!this.#server.listening)
      this.address = yield* call(() => this.#socket.open());
  }

  /** Which workers the connections are given to. */
  serveBy(ready: () => Taker[]): void {
    this.#ready = ready;
  }

  /**
   * Gives those that wait to workers, if there are any: in turn, but to none that leaves its own untaken, as a stuck
   * one.
   */
  distribute(): void {
    const workers = this.#ready();
    if (workers.length === 0) return;
    for (const socket of this.#waiting.splice(0)) {
      const first = this.#given++ % workers.length;
      const inTurn = [...workers.slice(first), ...workers.slice(0, first)];
      const [next] = inTurn.sort((a, b) => a.untaken.size - b.untaken.size);
      next!.give(socket);
    }
  }

  /**
   * Connections that a worker was given, and did not live to take. They have waited longer than those that wait here.
   */
  takeBack(connections: readonly Socket[]): void {
    this.#waiting.unshift(...connections);
    if (this.#server.listening) this.distribute();
    else this.#letGo();
  }

  /** Accepts no more connections. */
  stop(): void {
    this.#socket.close();
    this.#letGo();
  }

  #letGo(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #accept(socket: Socket): void {
    socket.on("error", () => {}); // the worker that it is given to will see it
    if (this.#waiting.length >= MAX_WAITING) return void socket.destroy();
    this.#waiting.push(socket);
    this.distribute();
  }
}

/**
 * Stops with the scope, if not before.
 *
 * @param sockets may have the socket. Of a supervisor that still serves, the front takes it over with `open`.
 * @param owner gets a Unix socket, so that the workers can use it.
 * @throws {CommandFailure} when it cannot listen there.
 */
export function useUwsgiFront(
  uwsgi: string,
  owner: Identity,
  sockets: Sockets,
): Operation<UwsgiFront> {
  return resource(function* (provide) {
    const server = createServer({ pauseOnConnect: true });
    const name = uwsgi === "" ? FRONT_OF_SYSTEMD : `uwsgi ${uwsgi}`;
    const given = sockets.given(name);
    const front = new UwsgiFront(server, {
      open: () =>
        refusing("uwsgi", () =>
          sockets.listen(name, server, () => listenAt(server, inFull(uwsgi))),
        ),
      close: () => sockets.close(name),
    });
    if (given?.at === undefined) yield* front.open();
    else front.address = given.at;
    if (given === undefined && typeof front.address === "string")
      // not through a link: that user may write to the folder
      lchownSync(front.address, owner.uid ?? -1, owner.gid ?? -1);
    try {
      yield* provide(front);
    } finally {
      front.stop();
    }
  });
}

/** The name of the socket that systemd has for it. */
export const FRONT_OF_SYSTEMD = `uwsgi ${ACTIVATED}`;

/** A path as an absolute one: it is reported by processes whose folder may become another one. */
export function inFull(uwsgi: string): Target {
  const target = parseTarget(uwsgi)!;
  return "path" in target ? { path: resolve(target.path) } : target;
}

/** The worker's side: the supervisor accepts its connections. */
export class HandedServer extends Server {
  readonly #address: string | AddressInfo;

  constructor(address: string | AddressInfo) {
    super();
    this.#address = address;
  }

  override address(): string | AddressInfo {
    return this.#address;
  }
}
