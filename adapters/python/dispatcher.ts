/**
 * Which request goes to which thread, and when.
 *
 * A request goes to a thread that is idle, else ahead of time to the one that is likely to be free first; else it
 * waits in the queue, which has a limit.
 */
import { ThreadsBusyError } from "../../lib/adapter.ts";
import type { PythonCall } from "./call.ts";
import type { ThreadConnection, CallQueue } from "./connection.ts";

/** Milliseconds between two checks for requests that wait behind a slow one. */
const CHECK_MS = 5;

export class Dispatcher implements CallQueue {
  readonly #maxQueuedRequests: number;
  /** Those to the threads that serve. */
  readonly #connections = new Set<ThreadConnection>();
  /** The last to become idle is the next to work: it is the warmest. */
  #idle: ThreadConnection[] = [];
  #queue: PythonCall[] = [];
  /** Those that have something to write at the end of the turn. */
  #unwritten: ThreadConnection[] = [];
  #check: NodeJS.Timeout | undefined;

  constructor(maxQueuedRequests: number) {
    this.#maxQueuedRequests = maxQueuedRequests;
  }

  add(connections: readonly ThreadConnection[]): void {
    for (const connection of connections) {
      this.#connections.add(connection);
      this.free(connection);
    }
  }

  /**
   * They are given nothing more. What they have not begun goes to others, as nobody checks any more whether they are
   * slow.
   */
  remove(connections: readonly ThreadConnection[]): void {
    const removed = connections.filter((one) => this.#connections.delete(one));
    this.#idle = this.#idle.filter((one) => this.#connections.has(one));
    for (const connection of removed) connection.withdraw();
  }

  /** @throws {ThreadsBusyError} when the queue is full. */
  submit(call: PythonCall): void {
    const connection = this.#choose(call);
    if (connection !== undefined) return this.#give(connection, call);
    if (this.#queue.length >= this.#maxQueuedRequests)
      throw new ThreadsBusyError(this.#maxQueuedRequests);
    this.#queue.push(call);
  }

  /** Its exchange does not wait for a head any more: there is one, or it has ended. */
  leave(call: PythonCall): void {
    if (!call.open || call.replies) return; // it is over, or its body goes on by itself
    call.cancel();
    const at = this.#queue.indexOf(call);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  requeue(calls: readonly PythonCall[]): void {
    this.#queue.unshift(...calls.filter(({ open }) => open));
    while (this.#queue.length > 0 && this.#idle.length > 0)
      this.#give(this.#idle.pop()!, this.#queue.shift()!);
  }

  /** It has less to do than before. */
  free(connection: ThreadConnection): void {
    if (!this.#connections.has(connection)) return;
    while (this.#queue.length > 0 && accepts(connection, this.#queue[0]!))
      this.#give(connection, this.#queue.shift()!);
    if (connection.idle && !this.#idle.includes(connection))
      this.#idle.push(connection);
  }

  flushLater(connection: ThreadConnection): void {
    if (this.#unwritten.push(connection) === 1)
      setImmediate(() => this.#flush());
  }

  #flush(): void {
    const connections = this.#unwritten;
    this.#unwritten = [];
    for (const connection of connections) connection.flush();
  }

  #choose(call: PythonCall): ThreadConnection | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#queue.length > 0 || call.streams)
      return idle;
    let best: ThreadConnection | undefined;
    let room = 0;
    for (const connection of this.#connections) {
      if (connection.room <= room) continue;
      best = connection;
      room = connection.room;
    }
    return best;
  }

  #give(connection: ThreadConnection, call: PythonCall): void {
    connection.give(call);
    this.#check ??= setTimeout(() => this.#relieve(), CHECK_MS);
  }

  #relieve(): void {
    const now = performance.now();
    let working = false;
    for (const connection of this.#connections) {
      connection.relieve(now);
      working ||= !connection.idle;
    }
    this.#check = working
      ? setTimeout(() => this.#relieve(), CHECK_MS)
      : undefined;
  }

  /** No worker is left. */
  close(): void {
    clearTimeout(this.#check);
  }
}

/** A streamed body needs a thread for itself. */
function accepts(connection: ThreadConnection, call: PythonCall): boolean {
  return call.streams ? connection.idle : connection.room > 0;
}
