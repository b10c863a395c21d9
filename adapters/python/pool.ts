/**
 * Which request gets which thread, and when.
 *
 * A request goes to a thread that is idle; else it is given ahead to the one that is likely to be free first; else it waits
 * in line, and the line has an end.
 */
import { ThreadsBusyError, type Logger } from "../../lib/adapter.ts";
import type { Call } from "./call.ts";
import type { Connection } from "./connection.ts";
import type { PythonSettings } from "./options.ts";
import type { Keeper, Worker } from "./process.ts";

/** Milliseconds between two looks for requests that wait behind a slow one. */
const LOOK_MS = 5;

export class Pool implements Keeper {
  readonly settings: PythonSettings;
  readonly log: Logger;
  /** Whose thread a connection leads to, for those that serve. */
  readonly #workers = new Map<Connection, Worker>();
  /** The last to become so is the next to work: it is the warmest. */
  #idle: Connection[] = [];
  #line: Call[] = [];
  /** Those that have something to write at the end of the turn. */
  #unwritten: Connection[] = [];
  #look: NodeJS.Timeout | undefined;

  constructor(settings: PythonSettings, log: Logger) {
    this.settings = settings;
    this.log = log;
  }

  add(worker: Worker): void {
    for (const connection of worker.connections) {
      this.#workers.set(connection, worker);
      this.free(connection);
    }
  }

  /** It is given nothing more, and what it has not begun goes to others: nobody looks any more whether it is slow. */
  remove(worker: Worker): void {
    const left = worker.connections.filter((one) => this.#workers.delete(one));
    this.#idle = this.#idle.filter((one) => this.#workers.has(one));
    for (const connection of left) connection.takeBack();
  }

  /** @throws {ThreadsBusyError} when the line is full. */
  submit(call: Call): void {
    const connection = this.#choose(call);
    if (connection !== undefined) return this.#give(connection, call);
    const { maxQueuedRequests } = this.settings;
    if (this.#line.length >= maxQueuedRequests)
      throw new ThreadsBusyError(maxQueuedRequests);
    this.#line.push(call);
  }

  /** Its exchange does not wait for it any more. */
  leave(call: Call): void {
    if (!call.open || call.replies) return; // it is over, or its body goes on by itself
    call.cancel();
    const at = this.#line.indexOf(call);
    if (at >= 0) this.#line.splice(at, 1);
  }

  /** They were given out and not begun: they are the first in line. */
  again(calls: readonly Call[]): void {
    this.#line.unshift(...calls.filter(({ open }) => open));
    while (this.#line.length > 0 && this.#idle.length > 0)
      this.#give(this.#idle.pop()!, this.#line.shift()!);
  }

  free(connection: Connection): void {
    if (!this.#workers.has(connection)) return;
    while (this.#line.length > 0 && this.#takes(connection, this.#line[0]!))
      this.#give(connection, this.#line.shift()!);
    if (connection.idle && !this.#idle.includes(connection))
      this.#idle.push(connection);
  }

  flushLater(connection: Connection): void {
    if (this.#unwritten.push(connection) === 1)
      setImmediate(() => this.#flush());
  }

  #flush(): void {
    const connections = this.#unwritten;
    this.#unwritten = [];
    for (const connection of connections) connection.flush();
  }

  #choose(call: Call): Connection | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#line.length > 0 || call.streams)
      return idle;
    let best: Connection | undefined;
    let room = 0;
    for (const connection of this.#workers.keys()) {
      if (connection.room <= room) continue;
      best = connection;
      room = connection.room;
    }
    return best;
  }

  #takes(connection: Connection, call: Call): boolean {
    return call.streams ? connection.idle : connection.room > 0;
  }

  #give(connection: Connection, call: Call): void {
    connection.give(call);
    this.#look ??= setTimeout(() => this.#relieve(), LOOK_MS);
    this.#workers.get(connection)!.count();
  }

  #relieve(): void {
    const now = performance.now();
    let working = false;
    for (const connection of this.#workers.keys()) {
      connection.relieve(now);
      working ||= !connection.idle;
    }
    this.#look = working
      ? setTimeout(() => this.#relieve(), LOOK_MS)
      : undefined;
  }

  /** No worker is left. */
  close(): void {
    clearTimeout(this.#look);
  }
}
