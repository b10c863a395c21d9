/**
 * Which request goes to which thread, and when.
 *
 * A request goes to a thread that is idle, else ahead of time to the one that is likely to be free first; else it
 * waits in the queue, which has a limit.
 */
import { ThreadsBusyError } from "../../lib/adapter.ts";
import type { PythonCall } from "./call.ts";
import type { ThreadConnection } from "./connection.ts";

/** Milliseconds between two checks of the threads that work. */
const CHECK_MS = 5;

export class Dispatcher {
  readonly #maxQueuedRequests: number;
  /** Those to the threads that serve. */
  readonly #connections = new Set<ThreadConnection>();
  /** Those that have something to do, also when they are given nothing more. */
  readonly #working = new Set<ThreadConnection>();
  /** The last to become idle is the next to work: it is the warmest. */
  #idle: ThreadConnection[] = [];
  #queue: PythonCall[] = [];

  constructor(maxQueuedRequests: number) {
    this.#maxQueuedRequests = maxQueuedRequests;
  }

  /** Requests that wait for a thread. */
  get queued(): number {
    return this.#queue.length;
  }

  add(connections: readonly ThreadConnection[]): void {
    for (const connection of connections) {
      this.#connections.add(connection);
      this.free(connection);
    }
  }

  /** They are given nothing more, and what they have not begun goes to others. */
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

  #choose(call: PythonCall): ThreadConnection | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#queue.length > 0 || call.streams)
      return idle;
    let best: ThreadConnection | undefined;
    for (const connection of this.#connections)
      if (connection.room > (best?.room ?? 0)) best = connection;
    return best;
  }

  #give(connection: ThreadConnection, call: PythonCall): void {
    connection.give(call);
    if (this.#working.size === 0) this.#checkLater();
    this.#working.add(connection);
  }

  #checkLater(): void {
    setTimeout(() => {
      const now = performance.now();
      for (const connection of this.#working) {
        connection.check(now);
        if (connection.idle) this.#working.delete(connection);
      }
      if (this.#working.size > 0) this.#checkLater();
    }, CHECK_MS);
  }
}

/** A streamed body needs a thread for itself. */
function accepts(connection: ThreadConnection, call: PythonCall): boolean {
  return call.streams ? connection.idle : connection.room > 0;
}
