/** The loop's side of one worker thread. */
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
} from "node:worker_threads";
import { withResolvers } from "eddy/operations";
import {
  ThreadLostError,
  ThreadStartError,
  randomLifetime,
} from "../../../lib/adapter.ts";
import type { Call } from "./call.ts";
import { fromData } from "./error-data.ts";
import { ReplyReader } from "./head.ts";
import { fileOf, type ThreadSettings } from "./options.ts";
import { Outbox } from "./outbox.ts";
import {
  THREAD_DATA,
  type FromThread,
  type Message,
  type Stop,
  type ThreadData,
  type ToThread,
} from "./protocol.ts";
import { Words } from "./words.ts";

/** Who is told what becomes of a thread. */
export interface Keeper {
  readonly settings: ThreadSettings;
  /** It has nothing to do. */
  free(thread: Thread): void;
  /** It has not begun these, and will not. */
  again(calls: readonly Call[]): void;
}

/** How a thread came to serve no longer. */
export interface End {
  /** Nobody asked it to. */
  readonly died: boolean;
  /** Why, where no request is answered with it. */
  readonly untold: Error | undefined;
}

/**
 * Requests that a thread has at a time, one of which runs, by what the one before has done. With one it waits for the loop
 * in between, which then wakes up for each end and each begin. Of brief ones more than sixteen gain little; where
 * they block, the second is there when the first ends; behind one that sleeps nobody has to wait.
 */
const ROOM = { brief: 16, blocked: 2, slept: 1 } as const;

/** Milliseconds after which a thread that begins nothing is stuck, at least: before that the machine may be busy. */
const BUSY_MS = 1000;

/** Messages that are heard in a row. Taken from the port they cost half of what an event does. */
const MAX_IN_A_ROW = 16;

/** `starting`: loads the application. `alive`: serves. `retiring`: was told to end. `ended`: what it said last is heard. */
type State = "starting" | "alive" | "retiring" | "ended" | "lost";

const ENTRY = new URL("./inside/main.js", import.meta.url);

export class Thread {
  /** Done when the application is loaded; fails when it cannot be. */
  readonly ready = withResolvers<void>();
  /** Done when the thread serves no longer. It may take a while to exit. */
  readonly lost = withResolvers<End>();
  /** Done when it has ended. */
  readonly exited: Promise<void>;
  readonly heads = new ReplyReader();
  /** Requests that are over. */
  #served = 0;
  readonly #keeper: Keeper;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #words = new Words();
  /** Requests after which it is to be replaced. */
  readonly #limit: number;
  /** What it was given and is not known to be done with, in order. Whatever it says of a request, it says of the first. */
  readonly #calls: Call[] = [];
  /** Of the request that it was given last. */
  #id = 0;
  readonly #outbox = new Outbox();
  /** How many it may have: as one of them takes its time, that is the only one. */
  #room: number = ROOM.brief;
  /** The request that runs has done something meanwhile that it may sleep in. */
  #sleeps = false;
  /** The call that ran at the last look, and for how many looks in a row. */
  #seen: Call | undefined;
  #looks = 0;
  #state: State = "starting";
  /** Goes off `threadTimeoutMs` after the last sign of life. Made once: most requests are shorter than its making. */
  #silence: NodeJS.Timeout | undefined;
  /** For how long it has not begun what it was given, in steps of that time. */
  #stuckMs = 0;
  /** Goes off when loading takes too long. */
  readonly #late: NodeJS.Timeout;
  #error: Error | undefined;

  constructor(keeper: Keeper) {
    const { settings } = keeper;
    const { maxRequestsPerThread, maxRequestsJitter } = settings;
    const { port1, port2 } = new MessageChannel();
    this.#keeper = keeper;
    this.#limit = randomLifetime(maxRequestsPerThread, maxRequestsJitter);
    this.#port = port1.on("message", (said) => {
      this.#hear(said as FromThread);
      this.#hearMore(MAX_IN_A_ROW);
    });
    this.#worker = startWorker(settings, {
      port: port2,
      words: this.#words.memory,
    });
    this.#late = setTimeout(
      () => this.kill(this.#unstarted(isStuck(settings))),
      settings.startTimeoutMs,
    );
    this.exited = new Promise((resolve) => {
      this.#worker
        .on("error", (error) => (this.#error = error))
        .on("exit", (code) => {
          this.#exit(code);
          resolve();
        });
    });
  }

  /** The one that runs, or is about to. */
  get call(): Call | undefined {
    return this.#calls[0];
  }

  /** How many it has. */
  get load(): number {
    return this.#calls.length;
  }

  /** It can be given a call. */
  get hasRoom(): boolean {
    const { load } = this;
    return (
      this.#state === "alive" &&
      load < this.#room &&
      this.#served + load < this.#limit
    );
  }

  /** How many requests it is done with. */
  get served(): number {
    return this.#served;
  }

  give(call: Call): void {
    if (this.#calls.length === 0) this.noteLife();
    this.#id = (this.#id + 1) | 0;
    this.#calls.push(call);
    call.enter(this, this.#id);
    if (this.#outbox.isEmpty) setImmediate(() => this.#send());
    this.#outbox.add(this.#id, call.head, call.beginning);
  }

  #send(): void {
    if (this.#outbox.isEmpty) return;
    this.#post(this.#outbox.message());
    this.#outbox.clear();
  }

  /** Those that it has not begun. It never will: the numbers are claimed. */
  #takeBack(): Call[] {
    const last = this.#words.claim(this.#id);
    this.#outbox.clear();
    const claimed = this.#calls.filter(({ id }) => ((id - last) | 0) <= 0);
    const back = this.#calls.splice(claimed.length);
    for (const call of back) call.leaveThread();
    return back;
  }

  /** Looks what it is at. Gives at how many looks before it was at the same. */
  look(): number {
    const { call } = this;
    this.#looks =
      call !== undefined && call === this.#seen ? this.#looks + 1 : 0;
    this.#seen = call;
    return this.#looks;
  }

  /** How much of the reply to request `id` the client has taken. */
  tellTaken(id: number, taken: number): void {
    this.#words.taken(id, taken);
    this.noteLife();
  }

  /** The application has done something, or something was done for it. */
  noteLife(): void {
    const { threadTimeoutMs } = this.#keeper.settings;
    if (this.#silence !== undefined) this.#silence.refresh();
    else this.#silence = setTimeout(() => this.#overrun(), threadTimeoutMs);
  }

  /** What keeps it is its request, or something of the application's own: then nobody can ask it to end, and its requests are for others. */
  #overrun(): void {
    const { call } = this;
    if (call !== undefined && this.#words.isClaimed(call.id)) call.overrun();
    else if (call !== undefined || this.#state === "retiring")
      this.#noteSilence();
  }

  #noteSilence(): void {
    this.#stuckMs += this.#keeper.settings.threadTimeoutMs;
    if (this.#stuckMs < BUSY_MS) return this.noteLife();
    const back = this.#takeBack();
    if (this.call !== undefined) return this.noteLife(); // it has just begun
    this.kill(this.#stuckError());
    this.#keeper.again(back);
  }

  /** The answer to what the request asked for. */
  answer(
    id: number,
    kind: "body" | "result",
    ...answer: [value?: unknown, error?: unknown]
  ): void {
    this.#post([kind, id, ...answer] as ToThread);
    this.#words.wake();
  }

  /** The application learns it when it reads, waits or gives its next chunk. False: it was not begun, or has just ended. */
  stop(call: Call, why: Stop): boolean {
    this.clearTheWay(call);
    if (this.#calls.at(-1) !== call) return false;
    this.#words.stop(call.id, why);
    return true;
  }

  /** What runs takes its time: what is at hand had better go elsewhere. */
  clearTheWay(except?: Call): void {
    this.#room = 1;
    const back = this.#takeBack();
    if (back.length === 0) return;
    this.#keeper.again(back.filter((call) => call !== except));
    if (this.#calls.length === 0) this.#keeper.free(this); // it had not begun any
  }

  /** Ends by itself, as it is free. */
  retire(): void {
    this.#state = "retiring";
    this.noteLife();
    this.#post(["retire", 0]);
  }

  /** Ends at once, unless native code blocks it: then it is left alone, and ends when it can. */
  kill(reason?: Error): void {
    this.#end(reason);
    void this.#worker.terminate();
  }

  #post(message: ToThread): void {
    this.#port.postMessage(message);
  }

  #hear(said: FromThread): void {
    if (Array.isArray(said)) return this.#hearMessage(said);
    const { call } = this;
    if (call === undefined) return; // it was lost meanwhile
    call.reply(said);
    this.#release(true);
  }

  #hearMessage(message: Message): void {
    const { call } = this;
    if (call?.id !== message[1]) this.#hearOfNone(message);
    else if (call.hear(message))
      this.#release(message[0] === "reply" && message[3]);
    else if (!this.#sleeps && MAY_SLEEP.has(message[0])) {
      this.#sleeps = true;
      this.clearTheWay();
    }
  }

  /** It is about no request, or about one that is over. */
  #hearOfNone(message: Message): void {
    const [kind] = message;
    if (kind === "ready") this.#welcome();
    else if (kind === "print") process[message[2]].write(message[3]);
    else if (kind === "refused")
      this.#lose(
        new ThreadStartError(message[2].message, {
          cause: fromData(message[2]),
        }),
      );
  }

  #hearMore(max = Infinity): void {
    for (let i = 0; i < max; i++) {
      const next = receiveMessageOnPort(this.#port);
      if (next === undefined) return;
      this.#hear(next.message as FromThread);
    }
  }

  #welcome(): void {
    if (this.#state !== "starting") return;
    this.#state = "alive";
    clearTimeout(this.#late);
    this.ready.resolve();
    this.#keeper.free(this);
  }

  /** It is done with the first. */
  #release(isBrief: boolean): void {
    this.#calls.shift();
    this.#served++;
    this.#stuckMs = 0;
    this.#room = ROOM[this.#sleeps ? "slept" : isBrief ? "brief" : "blocked"];
    this.#sleeps = false;
    if (this.#calls.length > 0) this.noteLife();
    if (this.#state !== "alive") return;
    if (this.#served >= this.#limit) this.retire();
    else this.#keeper.free(this);
  }

  #exit(code: number): void {
    const wasAsked = this.#state === "retiring";
    this.#end(wasAsked ? undefined : this.#epitaph(code));
    this.#port.close();
  }

  /** What it said last may still be on its way: replies, and why it could not start. */
  #end(reason: Error | undefined): void {
    if (this.#state === "lost") return;
    this.#state = "ended";
    const back = this.#takeBack();
    this.#hearMore();
    this.#lose(reason);
    if (back.length > 0) this.#keeper.again(back);
  }

  #epitaph(code: number): ThreadLostError | ThreadStartError {
    const how =
      this.#error === undefined
        ? `called process.exit(${code})`
        : `ended by an error: ${this.#error.message}`;
    if (this.#state === "starting")
      return this.#unstarted(code === AWAITS ? NEVER : `its import ${how}`);
    const { module } = this.#keeper.settings;
    return new ThreadLostError(`a thread of ${fileOf(module)} ${how}`, {
      cause: this.#error,
    });
  }

  #stuckError(): ThreadLostError {
    const { module } = this.#keeper.settings;
    return new ThreadLostError(
      `a thread of ${fileOf(module)} has not turned its event loop for ${this.#stuckMs} ms between requests (threadTimeoutMs); look for a timer or a promise of the application's that computes`,
    );
  }

  #unstarted(why: string): ThreadStartError {
    const { module } = this.#keeper.settings;
    return new ThreadStartError(`cannot load ${fileOf(module)}: ${why}`, {
      cause: this.#error,
    });
  }

  #lose(reason: Error | undefined): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    clearTimeout(this.#silence);
    clearTimeout(this.#late);
    const why = reason ?? new ThreadLostError("the thread was ended");
    let told = false;
    for (const call of this.#calls.splice(0)) told = call.lost(why) || told;
    this.ready.reject(why);
    this.lost.resolve({
      died: reason !== undefined,
      untold: told ? undefined : reason,
    });
  }
}

/** The code with which Node ends a thread that has nothing left to do while an `await` at the top level still waits. */
const AWAITS = 13;

const NEVER = "an `await` at its top level waits for what never comes";

const isStuck = ({ startTimeoutMs }: ThreadSettings): string =>
  `its import has not ended after ${startTimeoutMs} ms (startTimeoutMs); look for an \`await\` at the top level that waits for what does not come, or give it more time`;

/** Messages after which there is more to come of the request. */
const MAY_SLEEP: ReadonlySet<Message[0]> = new Set(["chunk", "pull", "wait"]);

function startWorker(
  { module, export: name, threads, maxHeapMb }: ThreadSettings,
  { port, words }: Pick<ThreadData, "port" | "words">,
): Worker {
  const multiprocess = threads > 1;
  const data: ThreadData = { port, words, module, name, multiprocess };
  return new Worker(ENTRY, {
    name: `eddy ${name}`,
    workerData: { [THREAD_DATA]: data },
    transferList: [port],
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    trackUnmanagedFds: true,
  });
}
