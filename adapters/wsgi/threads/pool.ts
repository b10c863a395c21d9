/**
 * Which request gets which thread, and when.
 *
 * A request has a thread for itself until the application is done with it. A request that finds none free waits in
 * line, and the line has an end. The front of the line is the queue that threads take from by themselves. Requests
 * that sleep (for their client, for work) are no reason for others to wait: when a request has waited for a while, a
 * stand-in is started for one of those that sleep, and ends when it is not needed any more.
 */
import { withResolvers, type Operation } from "eddy/operations";
import {
  ThreadsBusyError,
  type ApplicationStatus,
  type Logger,
} from "../../../lib/adapter.ts";
import type { ThreadCall } from "./call.ts";
import { fileOf, type ThreadSettings } from "./options.ts";
import { SharedQueue } from "./shared-queue.ts";
import type { Thread, ThreadSupervisor } from "./thread.ts";

export class ThreadPool implements ThreadSupervisor {
  readonly settings: ThreadSettings;
  readonly log: Logger;
  readonly queue = new SharedQueue();
  /** Starts a stand-in; missing while the pool does not serve yet. */
  #startStandIn: (() => void) | undefined;
  /** Those that serve, or will once they are ready. */
  readonly #threads = new Set<Thread>();
  /** Those of them that are ready, and were not told to end. */
  readonly #serving = new Set<Thread>();
  /** Those that wait for work. The last to become idle is the next to work: it is the warmest. */
  readonly #idle: Thread[] = [];
  /**
   * Calls that threads run, or may take. A Map that changes with each request would keep all of them alive until the
   * next full collection, as V8 links each of its tables to the next one.
   */
  readonly #calls: ThreadCall[] = [];
  /** Those for which the queue has no room, in order. */
  readonly #line: ThreadCall[] = [];
  /** Set while a request has to wait. */
  #patience: NodeJS.Timeout | undefined;
  #places: number;
  #restarts = 0;
  #whenQuiet: (() => void) | undefined;

  constructor(settings: ThreadSettings, log: Logger) {
    this.settings = settings;
    this.log = log;
    this.#places = settings.threads;
  }

  /** All threads are ready. `startStandIn` starts a further one. */
  open(startStandIn: () => void): void {
    this.#startStandIn = startStandIn;
  }

  /** @throws {ThreadsBusyError} when the line is full. */
  submit(call: ThreadCall): void {
    const { maxQueuedRequests } = this.settings;
    if (this.#idle.length === 0 && this.#waiting >= maxQueuedRequests)
      throw new ThreadsBusyError(maxQueuedRequests);
    this.#enter(call);
  }

  #enter(call: ThreadCall): void {
    this.#line.push(call);
    this.#fill();
    if (this.#waiting > 0) this.#relieveLater();
  }

  /** Its exchange does not wait for a head any more: there is one, or it has ended. */
  leave(call: ThreadCall): void {
    if (call.id === 0) return removeFrom(this.#line, call);
    if (call.replies || !this.#calls.includes(call)) return; // it goes on by itself, or is over
    if (this.queue.withdraw(call.id)) return this.over(call);
    for (const thread of this.#threads)
      if (thread.current === call.id) call.begun(thread);
    call.stop();
  }

  status(): ApplicationStatus {
    const { module, export: name } = this.settings;
    return {
      kind: "threads",
      name: `${fileOf(module)}:${name}`,
      queued: Math.max(0, this.#waiting),
      restarts: this.#restarts,
      parts: [...this.#threads].map((thread) => thread.status()),
    };
  }

  callOf(id: number): ThreadCall | undefined {
    return this.#calls.find((call) => call.id === id);
  }

  over(call: ThreadCall): void {
    removeFrom(this.#calls, call);
    this.#fill();
    this.#noteQuiet();
  }

  /** How many wait for a thread; below zero where threads wait for them. */
  get #waiting(): number {
    return this.#line.length + this.#calls.length - this.#serving.size;
  }

  /** Those who are first in line can be taken. */
  #fill(): void {
    while (this.#line[0]?.enter(this.queue)) {
      this.#calls.push(this.#line.shift()!);
      this.#idle.pop()?.wake();
    }
  }

  add(thread: Thread): void {
    this.#threads.add(thread);
  }

  remove(thread: Thread, id: number): ThreadCall | undefined {
    this.#threads.delete(thread);
    this.#serving.delete(thread);
    removeFrom(this.#idle, thread);
    const call = this.callOf(id);
    const wasBegun = call !== undefined && !this.queue.withdraw(id);
    if (call !== undefined) this.over(call);
    if (call !== undefined && !wasBegun) this.#enter(call); // it was about to
    if (!this.queue.isEmpty) this.#idle.pop()?.wake(); // in its place
    return wasBegun ? call : undefined;
  }

  /** Asked when a thread is gone. False: its place is given up. */
  wantsAnother(): boolean {
    if (this.#startStandIn === undefined) return false;
    if (this.#isSurplus) {
      this.#places--;
      return false;
    }
    this.#restarts++;
    return true;
  }

  ready(thread: Thread): void {
    this.#serving.add(thread);
    this.idle(thread);
  }

  idle(thread: Thread): void {
    if (thread.isSpent || (this.queue.isEmpty && this.#isSurplus)) {
      this.#serving.delete(thread);
      thread.retire();
    } else if (this.queue.isEmpty) this.#idle.push(thread);
    else thread.wake();
  }

  #relieveLater(): void {
    const { patienceMs } = this.settings;
    this.#patience ??= setTimeout(() => this.#relieve(), patienceMs);
  }

  /**
   * A request has waited for long. Each request that sleeps may have a stand-in; there are at most as many as
   * threads.
   */
  #relieve(): void {
    this.#patience = undefined;
    if (this.#waiting <= 0) return;
    this.#relieveLater();
    const { threads } = this.settings;
    if (this.#awake < threads && this.#places < 2 * threads) {
      this.#places++;
      this.#startStandIn?.();
    }
  }

  /** Places whose thread does not sleep in a request. */
  get #awake(): number {
    let awake = this.#places;
    for (const { call } of this.#threads) if (call?.asleep) awake--;
    return awake;
  }

  /** There is a stand-in, and nobody it stands in for. */
  get #isSurplus(): boolean {
    return (
      this.#places > this.settings.threads &&
      this.#awake > this.settings.threads
    );
  }

  /** Done when no thread has a request: those that were told to end get `abortGraceMs` for it. */
  *quiet(): Operation<void> {
    clearTimeout(this.#patience);
    const quiet = withResolvers<void>();
    this.#whenQuiet = () => quiet.resolve();
    this.#noteQuiet();
    yield* quiet.operation;
  }

  #noteQuiet(): void {
    if (this.#calls.length + this.#line.length === 0) this.#whenQuiet?.();
  }
}

function removeFrom<T>(list: T[], one: T): void {
  const at = list.indexOf(one);
  if (at >= 0) list.splice(at, 1);
}
