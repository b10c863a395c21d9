/**
 * The sockets that the supervisor listens on, or holds for its workers. Some it was given at its start, by systemd or
 * by the supervisor before it; and it gives all of them to the one after it.
 */
import { closeSync, linkSync, lstatSync, renameSync, rmSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { resolve } from "node:path";
import { resource, type Operation } from "effection";
import { listenOn } from "../engine/inherited.ts";
import type { BoundSocket } from "./bound-socket.ts";

/** An address as Node gives it: the path of a Unix socket. */
export type At = AddressInfo | string;

/** A socket that was there before this process. */
export interface GivenSocket {
  /** Undefined: whoever gives it knows no more than where it is. */
  readonly fd?: number | undefined;
  /** Where it is known. */
  readonly at?: At | undefined;
  /** systemd's: its path is not ours to remove. */
  readonly foreign?: boolean | undefined;
}

export interface Held {
  readonly name: string;
  /** The number of the file. Undefined: there is none here. */
  readonly fd: number | undefined;
  readonly at: At;
  readonly foreign: boolean;
  readonly close: () => void;
}

/** By setting and address, as they were written. */
export class Sockets {
  readonly #given: Map<string, GivenSocket>;
  readonly #held = new Map<string, Held>();
  /** Another supervisor has them, too, and its paths must stay when this one ends. */
  isShared = false;

  constructor(given: ReadonlyMap<string, GivenSocket>) {
    this.#given = new Map(given);
  }

  /** What was given under that name, and is nobody's yet. */
  given(name: string): GivenSocket | undefined {
    return this.#given.get(name);
  }

  /** Of all that were given under that name, or that name and a number. */
  namesOf(name: string): string[] {
    return [...this.#given.keys()].filter(
      (one) => one === name || one.startsWith(`${name} `),
    );
  }

  /** Lets the server listen on what was given under that name, or else by `open`. */
  async listen(
    name: string,
    server: Server,
    open: () => Promise<void>,
  ): Promise<At> {
    const given = this.#take(name);
    if (given?.fd === undefined) await open();
    const at =
      given?.fd !== undefined
        ? await listenOn(server, given.fd)
        : (server.address() ?? ""); // null: a pipe without a name of its own
    this.#hold(
      name,
      fdOf(server),
      at,
      () => void server.close(),
      given?.foreign,
    );
    return at;
  }

  /** Takes what was given under that name, without listening there. */
  adopt(name: string): number | undefined {
    const given = this.#take(name);
    if (given?.fd === undefined) return undefined;
    const { fd, at = "", foreign } = given;
    this.#hold(name, fd, at, () => closeSync(fd), foreign);
    return fd;
  }

  /** Keeps a socket that nobody accepts from here. */
  keep(name: string, { handle, at }: BoundSocket): void {
    this.#hold(name, handle.fd, at, () => handle.close());
  }

  /** Remembers where the workers listen by themselves. */
  note(name: string, at: At): void {
    this.#take(name);
    this.#hold(name, undefined, at, () => {}, true);
  }

  /** One that this process has by a number that it was told, and not at its start. */
  offer(name: string, fd: number): void {
    this.#given.set(name, { fd, foreign: true });
  }

  /** All that are held, for a process that is to have them, too. */
  get all(): readonly Held[] {
    return [...this.#held.values()];
  }

  close(name: string): void {
    const held = this.#held.get(name);
    this.#held.delete(name);
    if (held === undefined) return;
    const path = held.foreign ? undefined : pathIn(held.at);
    if (path === undefined) return held.close();
    if (!this.isShared) {
      held.close();
      return rmSync(path, { force: true });
    }
    // Node removes the path of a server that it closes; another process goes on listening there.
    const aside = `${path}.${process.pid}`;
    linkSync(path, aside);
    held.close();
    renameSync(aside, path);
  }

  /** Closes those that nobody has taken: the settings have changed. */
  closeRest(): void {
    for (const { fd } of this.#given.values())
      if (fd !== undefined) closeSync(fd);
    this.#given.clear();
  }

  /** Another process has them all now, and goes on with them. */
  leave(): void {
    this.isShared = true;
    for (const name of this.#held.keys()) this.close(name);
  }

  #take(name: string): GivenSocket | undefined {
    const given = this.#given.get(name);
    this.#given.delete(name);
    return given;
  }

  #hold(
    name: string,
    fd: number | undefined,
    at: At,
    close: () => void,
    foreign = false,
  ): void {
    this.#held.set(name, { name, fd, at: inFull(at), foreign, close });
  }
}

/** Node does not say it of a server in public. */
const fdOf = (server: Server & { _handle?: { fd: number } }): number =>
  server._handle!.fd;

/** A path as an absolute one; a name that is no path, as it is. */
const inFull = (at: At): At =>
  typeof at === "string" && at !== "" && !at.startsWith("\0")
    ? resolve(at)
    : at;

/** Of a socket that is a file. */
function pathIn(at: At): string | undefined {
  if (typeof at !== "string" || !at.startsWith("/")) return undefined;
  return lstatSync(at, { throwIfNoEntry: false })?.isSocket() ? at : undefined;
}

/** Those that are held are closed with the scope. */
export function useSockets(
  given: ReadonlyMap<string, GivenSocket>,
): Operation<Sockets> {
  return resource(function* (provide) {
    const sockets = new Sockets(given);
    try {
      yield* provide(sockets);
    } finally {
      for (const { name } of sockets.all) sockets.close(name);
    }
  });
}
