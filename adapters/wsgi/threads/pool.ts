/**
 * Which request gets which thread, and when.
 *
 * A request has a thread for itself until the application is done with it. Whoever finds none free waits in line, and the
 * line has an end. Requests that sleep (for their client, for work) are no reason for others to wait: when the first in
 * line has waited for a while, a stand-in is started for one of the sleepers, and ends when it is not needed any more.
 */
import { withResolvers, type Operation } from "eddy/operations";
import { ThreadsBusyError, type Logger } from "../../../lib/adapter.ts";
import type { Call } from "./call.ts";
import type { ThreadSettings } from "./options.ts";
import type { Keeper, Thread } from "./thread.ts";

/** Long for whoever waits in line, short beside what a thread costs to start. */
const PATIENCE_MS = 100;

export class Pool implements Keeper {
  readonly settings: ThreadSettings;
  readonly log: Logger;
  /** Starts a stand-in; missing while the pool does not serve yet. */
  #standIn: (() => void) | undefined;
  /** Those who serve, or will once they are ready. */
  readonly #threads = new Set<Thread>();
  /** Those who are free. The last to become so is the next to work: it is the warmest. */
  readonly #idle: Thread[] = [];
  readonly #queue = new Set<Call>();
  /** Set while somebody waits in line. */
  #patience: NodeJS.Timeout | undefined;
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
    const thread = this.#idle.pop();
    if (thread !== undefined) return thread.begin(call);
    const { maxQueuedRequests } = this.settings;
    if (this.#queue.size >= maxQueuedRequests)
      throw new ThreadsBusyError(maxQueuedRequests);
    this.#queue.add(call);
    this.#patience ??= setTimeout(() => this.#relieve(), PATIENCE_MS);
  }

  /** It was begun by nobody, and is the first in line. */
  again(call: Call): void {
    const line = [call, ...this.#queue];
    this.#queue.clear();
    for (const each of line) this.#queue.add(each);
    const thread = this.#idle.pop();
    if (thread !== undefined) this.free(thread);
    this.#patience ??= setTimeout(() => this.#relieve(), PATIENCE_MS);
  }

  /** Its exchange does not wait for a head any more: there is one, or it has ended. */
  leave(call: Call): void {
    if (!this.#queue.delete(call) && !call.replies) call.stop();
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
    const [call] = this.#queue;
    if (call !== undefined) {
      this.#queue.delete(call);
      return thread.begin(call);
    }
    this.#noteQuiet();
    if (this.#isSurplus) thread.retire();
    else this.#idle.push(thread);
  }

  /** The first in line has waited for long. Each of those that sleep may have a stand-in, up to as many as there are threads. */
  #relieve(): void {
    this.#patience = undefined;
    if (this.#queue.size === 0) return;
    if (this.#awake < this.settings.threads && this.#places < this.#maxPlaces) {
      this.#places++;
      this.#standIn?.();
    }
    this.#patience = setTimeout(() => this.#relieve(), PATIENCE_MS);
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
