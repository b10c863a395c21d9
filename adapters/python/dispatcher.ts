/**
 * Which request goes to which thread, and when.
 *
 * A request goes to a thread that is idle, else ahead of time to the one that is likely to be free first; else it
 * waits in the queue, which has a limit.
 */
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import { ThreadsBusyError } from "../../lib/adapter.ts";
import type { PythonCall } from "./call.ts";
import type { WorkerConnection } from "./worker-connection.ts";

export class Dispatcher {
  readonly #maxQueuedRequests: number;
  /** Those to the threads that serve. */
  readonly #connections = new Set<WorkerConnection>();
  /** Those that have something to do, also when they are given nothing more. */
  readonly #working = new Set<WorkerConnection>();
  /** The last to become idle is the next to work: it is the warmest. */
  #idle: WorkerConnection[] = [];
  #queue: PythonCall[] = [];

  constructor(maxQueuedRequests: number) {
    this.#maxQueuedRequests = maxQueuedRequests;
  }

  /** Requests that wait for a thread. */
  get queued(): number {
    return this.#queue.length;
  }

  add(connections: readonly WorkerConnection[]): void {
    for (const connection of connections) {
      this.#connections.add(connection);
      this.free(connection);
    }
  }

  /** They are given nothing more, and what they have not begun goes to others. */
  remove(connections: readonly WorkerConnection[]): void {
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
    for (const connection of this.#connections)
      if (connection.runsAll) this.free(connection);
  }

  /** It has less to do than before. */
  free(connection: WorkerConnection): void {
    if (!this.#connections.has(connection)) return;
    while (this.#queue.length > 0 && connection.roomFor(this.#queue[0]!) > 0)
      this.#give(connection, this.#queue.shift()!);
    if (connection.idle && !this.#idle.includes(connection))
      this.#idle.push(connection);
  }

  #choose(call: PythonCall): WorkerConnection | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#queue.length > 0) return idle;
    let [best, most]: [WorkerConnection | undefined, number] = [undefined, 0];
    for (const connection of this.#connections) {
      const room = connection.roomFor(call);
      if (room > most) [best, most] = [connection, room];
    }
    return best;
  }

  #give(connection: WorkerConnection, call: PythonCall): void {
    connection.give(call);
    if (this.#working.size === 0) this.#checkLater(connection.checkMs);
    this.#working.add(connection);
  }

  /** All connections are of one kind. */
  #checkLater(ms: number): void {
    setTimeout(() => {
      const now = performance.now();
      for (const connection of this.#working) {
        connection.check(now);
        if (connection.idle) this.#working.delete(connection);
      }
      if (this.#working.size > 0) this.#checkLater(ms);
    }, ms);
  }
}
