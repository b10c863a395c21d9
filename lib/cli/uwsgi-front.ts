/**
 * The setting `uwsgi`: the supervisor accepts connections, and each is given to a worker, which serves it.
 *
 * Node's processes cannot share such a socket while they come and go. This way a reload loses no connection, and a Unix
 * socket serves several workers, too.
 */
import { chownSync } from "node:fs";
import { createServer, Server, type AddressInfo, type Socket } from "node:net";
import { resolve } from "node:path";
import { call, resource, type Operation } from "effection";
import { parseTarget, type Target } from "../engine/target.ts";
import type { Identity } from "./identity.ts";
import { listenFor } from "./listen.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Connections that may wait for a worker: as many as in the kernel's own line. */
const MOST_WAITING = 511;

/** The supervisor's side. */
export class UwsgiFront {
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #given = 0;
  #ready: () => readonly WorkerProcess[] = () => [];

  constructor(server: Server) {
    this.#server = server.on("connection", (socket) => this.#take(socket));
  }

  get address(): string | AddressInfo {
    return this.#server.address()!;
  }

  /** Where workers come from. */
  serveBy(ready: () => readonly WorkerProcess[]): void {
    this.#ready = ready;
  }

  /** There may be a worker for those that wait. */
  spread(): void {
    const workers = this.#ready();
    if (workers.length === 0) return;
    for (const socket of this.#waiting.splice(0))
      workers[this.#given++ % workers.length]!.give(socket);
  }

  /** Takes no more. */
  stop(): void {
    this.#server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #take(socket: Socket): void {
    socket.on("error", () => {}); // whoever it is given to will see it
    if (this.#waiting.length >= MOST_WAITING) return void socket.destroy();
    this.#waiting.push(socket);
    this.spread();
  }
}

/** `owner`: of a Unix socket. Stops with the scope, if not before. @throws {CommandFailure} when the address is not to be had. */
export function useUwsgiFront(
  uwsgi: string,
  owner: Identity,
): Operation<UwsgiFront> {
  return resource(function* (provide) {
    const server = createServer({ pauseOnConnect: true });
    const front = new UwsgiFront(server);
    yield* call(() => listenFor("uwsgi", server, inFull(uwsgi)));
    if (typeof front.address === "string")
      chownSync(front.address, owner.uid ?? -1, owner.gid ?? -1);
    try {
      yield* provide(front);
    } finally {
      front.stop();
    }
  });
}

/** A path as the workers tell it, whoever asks them from another folder. */
function inFull(uwsgi: string): Target {
  const target = parseTarget(uwsgi)!;
  return "path" in target ? { path: resolve(target.path) } : target;
}

/** The worker's side: a server that the supervisor accepts for. */
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
