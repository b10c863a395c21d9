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
import { parseTarget, type Target } from "../engine/target.ts";
import type { Identity } from "./identity.ts";
import { listenFor } from "./listen.ts";

/** Connections that may wait for a worker, as many as in the kernel's own queue. */
const MAX_WAITING = 511;

/** A worker: who takes a connection, or gives it back at its end. */
interface Taker {
  give(connection: Socket): void;
  readonly untaken: { readonly size: number };
}

/** The supervisor's side. */
export class UwsgiFront {
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #given = 0;
  #ready: () => Taker[] = () => [];

  constructor(server: Server) {
    this.#server = server.on("connection", (socket) => this.#accept(socket));
  }

  get address(): string | AddressInfo {
    return this.#server.address()!;
  }

  /** Which workers the connections are given to. */
  serveBy(ready: () => Taker[]): void {
    this.#ready = ready;
  }

  /** Gives those that wait to workers, if there are any: in turn, but to none that leaves its own untaken, as a stuck one. */
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

  /** Connections that a worker was given, and did not live to take. They have waited longer than those that wait here. */
  takeBack(connections: readonly Socket[]): void {
    this.#waiting.unshift(...connections);
    if (this.#server.listening) this.distribute();
    else this.#letGo();
  }

  /** Accepts no more connections. */
  stop(): void {
    this.#server.close();
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
 * @param owner gets a Unix socket, so that the workers can use it.
 * @throws {CommandFailure} when it cannot listen there.
 */
export function useUwsgiFront(
  uwsgi: string,
  owner: Identity,
): Operation<UwsgiFront> {
  return resource(function* (provide) {
    const server = createServer({ pauseOnConnect: true });
    const front = new UwsgiFront(server);
    yield* call(() => listenFor("uwsgi", server, inFull(uwsgi)));
    if (typeof front.address === "string")
      // not through a link: that user may write to the folder
      lchownSync(front.address, owner.uid ?? -1, owner.gid ?? -1);
    try {
      yield* provide(front);
    } finally {
      front.stop();
    }
  });
}

/** A path as an absolute one: it is reported by workers, whose folder may be another one. */
function inFull(uwsgi: string): Target {
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
