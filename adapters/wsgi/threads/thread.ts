/** The loop's side of one worker thread. */
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
} from "node:worker_threads";
import { withResolvers } from "eddy/operations";
import {
  areFilesWatched,
  isOneOfSeveral,
  randomLifetime,
  tellFiles,
  ThreadLostError,
  ThreadStartError,
  type PartStatus,
} from "../../../lib/adapter.ts";
import type { ServingThread, ThreadCall } from "./call.ts";
import { fromData, type ErrorData } from "./error-data.ts";
import { ReplyReader } from "./head.ts";
import { fileOf, type ThreadSettings } from "./options.ts";
import {
  THREAD_DATA,
  type FromThread,
  type ThreadData,
  type ToThread,
} from "./protocol.ts";
import { SharedFlags, type StopReason } from "./shared-flags.ts";
import type { SharedQueue } from "./shared-queue.ts";

/** What a thread belongs to, and reports to. */
export interface ThreadSupervisor {
  readonly settings: ThreadSettings;
  readonly queue: SharedQueue;
  /** The application is loaded: it waits for work. */
  ready(thread: Thread): void;
  /** It waits for work again. */
  idle(thread: Thread): void;
  /** What the request with this number was for; undefined when it is over. */
  callOf(id: number): ThreadCall | undefined;
  over(call: ThreadCall): void;
  /** It serves no longer; gives what it had begun as request `id`. */
  remove(thread: Thread, id: number): ThreadCall | undefined;
}

/** How a thread came to serve no longer. */
export interface ThreadEnd {
  /** Nobody asked it to. */
  readonly died: boolean;
  /** Why, where no request is answered with it. */
  readonly unreported: Error | undefined;
}

/** Messages that are read at a time: to read one from the port takes less than an event. */
const MAX_IN_A_ROW = 16;

/**
 * `starting`: loads the application. `alive`: serves. `retiring`: was told to end. `ended`: its last messages are read.
 * `lost`: all is done.
 */
type State = "starting" | "alive" | "retiring" | "ended" | "lost";

/** The states as operators see them. */
const SHOWN: Readonly<Record<State, string>> = {
  starting: "starting",
  alive: "ready",
  retiring: "leaving",
  ended: "leaving",
  lost: "leaving",
};

const ENTRY = new URL("./inside/main.js", import.meta.url);

/** The code with which Node ends a thread that has nothing left to do while an `await` at the top level still waits. */
const AWAITS = 13;

const AWAITS_FOREVER = "an `await` at its top level waits for what never comes";

const hasNotEnded = (ms: number): string =>
  `its import has not ended after ${ms} ms (startTimeoutMs); look for an \`await\` at the top level that waits for what does not come, or give it more time`;

export class Thread implements ServingThread {
  /** Done when the application is loaded; fails when it cannot be. */
  readonly ready = withResolvers<void>();
  /** Done when the thread serves no longer. It may take a while to exit. */
  readonly lost = withResolvers<ThreadEnd>();
  /** Done when it has ended. */
  readonly exited: Promise<void>;
  readonly replies = new ReplyReader();
  readonly #supervisor: ThreadSupervisor;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #flags = new SharedFlags();
  /** Requests after which it is to be replaced. */
  readonly #maxRequests: number;
  /** Requests that are over. */
  #served = 0;
  #call: ThreadCall | undefined;
  #state: State = "starting";
  /** It was told that there is work, or goes on by itself. */
  #awake = false;
  /** Goes off `threadTimeoutMs` after the last sign of life. Made once: most requests are shorter than its making. */
  #silence: NodeJS.Timeout | undefined;
  /** For how long it has begun nothing while it was awake, in steps of that time. */
  #stuckMs = 0;
  /** Goes off when loading takes too long. */
  readonly #late: NodeJS.Timeout;
  #error: Error | undefined;
  /** Why the application cannot be loaded, as the thread says. */
  #refusal: ThreadStartError | undefined;

  constructor(supervisor: ThreadSupervisor) {
    const { settings, queue } = supervisor;
    const { module, export: name, threads, startTimeoutMs } = settings;
    const { maxRequestsPerThread, maxRequestsJitter } = settings;
    const { port1, port2 } = new MessageChannel();
    this.#supervisor = supervisor;
    this.#maxRequests = randomLifetime(maxRequestsPerThread, maxRequestsJitter);
    this.#port = port1.on("message", (message: FromThread) => {
      this.#hear(message);
      this.#hearMore(MAX_IN_A_ROW);
    });
    const data: ThreadData = {
      port: port2,
      flags: this.#flags.memory,
      queue: queue.memory,
      maxRequests: this.#maxRequests,
      module,
      name,
      multiprocess: threads > 1 || isOneOfSeveral(),
      watched: areFilesWatched(),
    };
    this.#worker = new Worker(ENTRY, {
      name: `eddy ${name}`,
      workerData: { [THREAD_DATA]: data },
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: settings.maxHeapMb },
      trackUnmanagedFds: true,
    }).on("error", (error) => (this.#error = error));
    this.exited = new Promise((resolve) =>
      this.#worker.on("exit", (code) => {
        this.#exit(code);
        resolve();
      }),
    );
    this.#late = setTimeout(
      () => this.kill(this.#startError(hasNotEnded(startTimeoutMs))),
      startTimeoutMs,
    );
  }

  /** What it runs, as far as it has said so. */
  get call(): ThreadCall | undefined {
    return this.#call;
  }

  /** The number of the request that it runs. */
  get current(): number {
    return this.#flags.current;
  }

  /** How many requests it is done with. */
  get served(): number {
    return this.#served;
  }

  /** It has served enough. */
  get isSpent(): boolean {
    return this.#served >= this.#maxRequests;
  }

  status(): PartStatus {
    const inFlight = this.current > 0 ? 1 : 0;
    const state =
      inFlight > 0 && this.#call?.asleep ? "asleep" : SHOWN[this.#state];
    return { name: String(this.#worker.threadId), state, inFlight };
  }

  /** There is work. */
  wake(): void {
    this.#awake = true;
    this.noteLife();
    this.#post(["work", 0]);
  }

  setTaken(id: number, taken: number): void {
    this.#flags.setTaken(id, taken);
    this.noteLife();
  }

  noteLife(): void {
    const { threadTimeoutMs } = this.#supervisor.settings;
    if (this.#silence !== undefined) this.#silence.refresh();
    else this.#silence = setTimeout(() => this.#overrun(), threadTimeoutMs);
  }

  answer(
    id: number,
    value: unknown,
    error?: ErrorData,
    given?: ArrayBuffer,
  ): void {
    this.#post(["answer", id, value, error], given && [given]);
    this.#flags.wake();
  }

  stop(id: number, why: StopReason): void {
    this.#flags.stop(id, why);
  }

  /** Ends by itself, as it is idle. */
  retire(): void {
    this.#state = "retiring";
    this.noteLife();
    this.#post(["retire", 0]);
  }

  /** Ends at once, unless native code blocks it: then it is left alone, and ends when it can. */
  kill(reason?: Error): void {
    this.#lose(reason);
    void this.#worker.terminate();
  }

  #post(message: ToThread, given?: ArrayBuffer[]): void {
    this.#port.postMessage(message, given);
  }

  #hear(message: FromThread): void {
    const [kind, id] = message;
    if (kind === "print") process[message[2]].write(message[3]);
    else if (kind === "files") tellFiles(message[2]);
    else if (this.#state === "lost") return;
    else if (kind === "ready") this.#noteReady();
    else if (kind === "refused") this.#noteRefusal(message[2]);
    else if (kind === "failed") this.#error = fromData(message[2]);
    else if (kind === "idle") this.#noteIdle(true);
    else if (kind === "reply" || kind === "end") {
      this.#noteEnd(message, this.#callOf(id));
      this.#noteIdle(message[2]);
    } else this.#callOf(id)?.hear(message);
  }

  #noteEnd(message: FromThread, call: ThreadCall | undefined): void {
    this.#call = undefined;
    this.#served++;
    this.#stuckMs = 0;
    if (call === undefined) return;
    this.#supervisor.over(call); // before somebody hears of it who would stop it
    call.hear(message);
  }

  #hearMore(max = Infinity): void {
    for (let i = 0; i < max; i++) {
      const next = receiveMessageOnPort(this.#port);
      if (next === undefined) return;
      this.#hear(next.message as FromThread);
    }
  }

  /** The one of this number, which the thread runs. */
  #callOf(id: number): ThreadCall | undefined {
    if (this.#call?.id !== id) this.#call = this.#supervisor.callOf(id);
    this.#call?.begun(this);
    return this.#call;
  }

  #noteReady(): void {
    if (this.#state !== "starting") return;
    this.#state = "alive";
    clearTimeout(this.#late);
    this.ready.resolve();
    this.#supervisor.ready(this);
  }

  #noteRefusal(data: ErrorData): void {
    const cause = fromData(data);
    this.#refusal = new ThreadStartError(data.message, { cause });
    this.#lose(undefined);
  }

  #noteIdle(isIdle: boolean): void {
    this.#awake = !isIdle;
    if (this.#state !== "alive") return;
    if (isIdle) this.#supervisor.idle(this);
    else this.noteLife();
  }

  /** What keeps it is its request, or something of the application's own: then nobody can ask it to end. */
  #overrun(): void {
    this.#hearMore(); // that it is done may be on its way
    const call = this.#callOf(this.current);
    if (call !== undefined) call.overrun();
    else if (this.#awake || this.#state === "retiring") this.#noteSilence();
  }

  #noteSilence(): void {
    const { threadTimeoutMs, stuckMs } = this.#supervisor.settings;
    this.#stuckMs += threadTimeoutMs;
    if (this.#stuckMs < stuckMs) this.noteLife();
    else this.kill(this.#stuckError());
  }

  #exit(code: number): void {
    this.#hearMore(); // of what it has ended
    const wasAsked = this.#state === "retiring";
    this.#lose(wasAsked ? undefined : this.#exitError(code));
    this.#port.close();
  }

  /** What it said last may still be on its way: replies, and why it could not start. */
  #lose(reason: Error | undefined): void {
    if (this.#state === "ended" || this.#state === "lost") return;
    this.#state = "ended";
    const running = this.#flags.close();
    this.#hearMore();
    this.#state = "lost";
    clearTimeout(this.#silence);
    clearTimeout(this.#late);
    const error = this.#refusal ?? reason;
    const why = error ?? new ThreadLostError("the thread was ended");
    const call = this.#supervisor.remove(this, running);
    const isReported = call?.lost(why) ?? false;
    this.ready.reject(why);
    this.lost.resolve({
      died: error !== undefined,
      unreported: isReported ? undefined : error,
    });
  }

  #exitError(code: number): Error {
    const how =
      this.#error === undefined
        ? `called process.exit(${code})`
        : `ended by an error: ${this.#error.message}`;
    if (this.#state !== "starting") return this.#lostError(how);
    return this.#startError(
      code === AWAITS ? AWAITS_FOREVER : `its import ${how}`,
    );
  }

  #stuckError(): Error {
    return this.#lostError(
      `has not turned its event loop for ${this.#stuckMs} ms between requests (threadTimeoutMs); look for a timer or a promise of the application's that computes`,
    );
  }

  #lostError(how: string): Error {
    const file = fileOf(this.#supervisor.settings.module);
    const cause = this.#error;
    return new ThreadLostError(`a thread of ${file} ${how}`, { cause });
  }

  #startError(why: string): Error {
    const file = fileOf(this.#supervisor.settings.module);
    const cause = this.#error;
    return new ThreadStartError(`cannot load ${file}: ${why}`, { cause });
  }
}
