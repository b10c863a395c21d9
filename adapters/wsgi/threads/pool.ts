/**
 * Which request gets which thread, and when.
 *
 * A request has a thread for itself until the application is done with it. Whoever finds none free waits in line, and the
 * line has an end. The first in line are at hand of the threads already, who go on with them by themselves; where the
 * request in front of them turns out to take its time, they are taken back, and are the first again. Requests that sleep
 * (for their client, for work) are no reason for others to wait: when the first in line has waited for a while, a stand-in
 * is started for one of the sleepers, and ends when it is not needed any more.
 */
import { withResolvers, type Operation } from "eddy/operations";
import { ThreadsBusyError, type Logger } from "../../../lib/adapter.ts";
import type { Call } from "./call.ts";
import type { ThreadSettings } from "./options.ts";
import type { Keeper, Thread } from "./thread.ts";

/** Long for whoever waits in line, short beside what a thread costs to start. */
const PATIENCE_MS = 100;

/** Milliseconds between looks at what threads are at, while somebody waits at hand of one. */
const LOOK_MS = 2;

/**
 * Looks at which a thread is found at the same request before who waits behind it goes elsewhere: to a thread that is idle
 * after many times what a brief request takes; else to the front of the line, after what most that block need.
 */
const LOOKS = { idle: 1, busy: 5 } as const;

export class Pool implements Keeper {
  readonly settings: ThreadSettings;
  readonly log: Logger;
  /** Starts a stand-in; missing while the pool does not serve yet. */
  #standIn: (() => void) | undefined;
  /** Those who serve, or will once they are ready. */
  readonly #threads = new Set<Thread>();
  /** Those who are free. The last to become so is the next to work: it is the warmest. */
  readonly #idle: Thread[] = [];
  /** Who waits, in order. */
  readonly #line = new Set<Call>();
  /** Those who were given to a thread that did not begin them: they were first once. */
  readonly #returned = new Set<Call>();
  /** Set when somebody gets in line, and while somebody is found there. */
  #patience: NodeJS.Timeout | undefined;
  /** Set while a thread has calls at hand. */
  #looking: NodeJS.Timeout | undefined;
  #places: number;
  #whenQuiet: (() => void) | undefined;

  constructor(settings: ThreadSettings, log: Logger) {
    this.settings = settings;
    this.log = log;
    this.#places = settings.threads;
  }

  /** All threads are ready. `standIn` starts a further one. */
  open(standIn: () => void): void {
    this.#standIn = standIn;
  }

  /** @throws {ThreadsBusyError} when the line is full. */
  submit(call: Call): void {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle.give(call);
    const { maxQueuedRequests } = this.settings;
    if (this.#waiting + this.#atHand >= maxQueuedRequests)
      throw new ThreadsBusyError(maxQueuedRequests);
    const thread = this.#waiting === 0 ? this.#leastLoaded() : undefined;
    if (thread === undefined) {
      this.#line.add(call);
      this.#relieveLater();
    } else {
      thread.give(call);
      this.#lookSoon();
    }
  }

  /** These were given to a thread that did not begin them. */
  again(calls: readonly Call[]): void {
    for (const call of calls) this.#returned.add(call);
    for (let thread; this.#waiting > 0 && (thread = this.#idle.pop());)
      this.free(thread);
    if (this.#waiting > 0) this.#relieveLater();
  }

  /** Its exchange does not wait for a head any more: there is one, or it has ended. */
  leave(call: Call): void {
    if (this.#line.delete(call) || this.#returned.delete(call)) return;
    if (!call.replies) call.stop();
  }

  /** How many are in line. */
  get #waiting(): number {
    return this.#line.size + this.#returned.size;
  }

  /** How many a thread has beside the one that runs. */
  get #atHand(): number {
    let count = 0;
    for (const { load } of this.#threads) count += Math.max(0, load - 1);
    return count;
  }

  /** Of those that can be given a further call. */
  #leastLoaded(): Thread | undefined {
    let least: Thread | undefined;
    for (const thread of this.#threads)
      if (thread.hasRoom && thread.load < (least?.load ?? Infinity))
        least = thread;
    return least;
  }

  add(thread: Thread): void {
    this.#threads.add(thread);
  }

  remove(thread: Thread): void {
    this.#threads.delete(thread);
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#noteQuiet();
  }

  /** Asked when a thread is gone. False: its place is given up. */
  wantsAnother(): boolean {
    if (this.#standIn === undefined) return false;
    if (!this.#isSurplus) return true;
    this.#places--;
    return false;
  }

  free(thread: Thread): void {
    while (this.#waiting > 0 && thread.hasRoom) thread.give(this.#next()!);
    if (thread.load > 1) this.#lookSoon();
    if (thread.load > 0) return;
    this.#noteQuiet();
    if (this.#isSurplus) return thread.retire();
    this.#idle.push(thread);
  }

  #next(): Call | undefined {
    for (const line of [this.#returned, this.#line])
      for (const call of line) {
        line.delete(call);
        return call;
      }
    return undefined;
  }

  #lookSoon(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.#look();
      if (this.#atHand > 0) this.#lookSoon();
    }, LOOK_MS);
  }

  /** Who waits behind a request that takes long is given to others. */
  #look(): void {
    const most = this.#idle.length > 0 ? LOOKS.idle : LOOKS.busy;
    for (const thread of this.#threads)
      if (thread.look() >= most && thread.load > 1) thread.clearTheWay();
  }

  #relieveLater(): void {
    this.#patience ??= setTimeout(() => this.#relieve(), PATIENCE_MS);
  }

  /** Somebody has waited for long. Each of those that sleep may have a stand-in, up to as many as there are threads. */
  #relieve(): void {
    this.#patience = undefined;
    if (this.#waiting === 0) return;
    this.#relieveLater();
    if (this.#awake < this.settings.threads && this.#places < this.#maxPlaces) {
      this.#places++;
      this.#standIn?.();
    }
  }

  get #maxPlaces(): number {
    return 2 * this.settings.threads;
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
    clearTimeout(this.#looking);
    const quiet = withResolvers<void>();
    this.#whenQuiet = () => quiet.resolve();
    this.#noteQuiet();
    yield* quiet.operation;
  }

  #noteQuiet(): void {
    if (this.#whenQuiet === undefined) return;
    if (![...this.#threads].some(({ call }) => call)) this.#whenQuiet();
  }
}
