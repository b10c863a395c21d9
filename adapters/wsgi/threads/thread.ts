/** The loop's side of one worker thread. */
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
} from "node:worker_threads";
import { withResolvers } from "eddy/operations";
import { ThreadLostError, ThreadStartError } from "../../../lib/adapter.ts";
import type { Call } from "./call.ts";
import { fromData } from "./error-data.ts";
import type { ThreadSettings } from "./options.ts";
import {
  STOP,
  THREAD_DATA,
  WORD,
  WORDS_BYTES,
  type FromThread,
  type Stop,
  type ThreadData,
  type ToThread,
} from "./protocol.ts";

/** Who is told what becomes of a thread. */
export interface Keeper {
  readonly settings: ThreadSettings;
  /** It has nothing to do. */
  free(thread: Thread): void;
  /** It has ended before it took this request. */
  again(call: Call): void;
}

/** How a thread came to serve no longer. */
export interface End {
  /** Nobody asked it to. */
  readonly died: boolean;
  /** Why, where no request is answered with it. */
  readonly untold: Error | undefined;
}

const ENTRY = new URL("./inside/main.js", import.meta.url);

export class Thread {
  /** Done when the application is loaded; fails when it cannot be. */
  readonly ready = withResolvers<void>();
  /** Done when the thread serves no longer. It may take a while to exit. */
  readonly lost = withResolvers<End>();
  /** Done when it has ended. */
  readonly exited: Promise<void>;
  /** Requests so far. */
  served = 0;
  readonly #keeper: Keeper;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #words: Int32Array;
  /** Requests after which it is to be replaced. */
  readonly #limit: number;
  #call: Call | undefined;
  #id = 0;
  #state: "alive" | "retiring" | "exited" | "lost" = "alive";
  /** Goes off `threadTimeoutMs` after the last sign of life. Made once: most requests are shorter than its making. */
  #silence: NodeJS.Timeout | undefined;
  #error: Error | undefined;

  constructor(keeper: Keeper) {
    const { settings } = keeper;
    const { port1, port2 } = new MessageChannel();
    const words = new SharedArrayBuffer(WORDS_BYTES);
    this.#keeper = keeper;
    this.#limit = limitOf(settings);
    this.#words = new Int32Array(words);
    this.#port = port1.on("message", (message) =>
      this.#hear(message as FromThread),
    );
    this.#worker = startWorker(settings, { port: port2, words });
    this.exited = new Promise((resolve) => {
      this.#worker
        .on("error", (error) => (this.#error = error))
        .on("exit", (code) => {
          this.#exit(code);
          resolve();
        });
    });
  }

  /** It serves nobody else. */
  get call(): Call | undefined {
    return this.#call;
  }

  /** How much of the reply the client has taken. */
  set taken(length: number) {
    Atomics.store(this.#words, WORD.taken, length);
    this.#wake();
  }

  begin(call: Call): void {
    this.#call = call;
    this.served++;
    Atomics.store(this.#words, WORD.stop, STOP.no);
    Atomics.store(this.#words, WORD.taken, 0);
    this.#post(["request", ++this.#id, ...call.begin(this)]);
    this.noteLife();
  }

  /** The application has done something, or something was done for it. */
  noteLife(): void {
    const { threadTimeoutMs } = this.#keeper.settings;
    if (this.#silence !== undefined) this.#silence.refresh();
    else
      this.#silence = setTimeout(() => this.#call?.overrun(), threadTimeoutMs);
  }

  /** The answer to what the request asked for. */
  answer(
    kind: "body" | "result",
    ...answer: [value?: unknown, error?: unknown]
  ): void {
    this.#post([kind, this.#id, ...answer] as ToThread);
    this.#wake();
  }

  /** The application learns it when it reads, waits or gives its next chunk. */
  stop(why: Stop): void {
    Atomics.store(this.#words, WORD.stop, why);
    this.#wake();
  }

  /** Ends by itself, as it is free. */
  retire(): void {
    this.#state = "retiring";
    this.#post(["retire", 0]);
  }

  /** Ends at once, unless native code blocks it: then it is left alone, and ends when it can. */
  kill(): void {
    this.#lose(undefined);
    void this.#worker.terminate();
  }

  #post(message: ToThread): void {
    this.#port.postMessage(message);
  }

  #wake(): void {
    Atomics.add(this.#words, WORD.events, 1);
    Atomics.notify(this.#words, WORD.events);
  }

  #hear(message: FromThread): void {
    const [kind, id] = message;
    if (this.#state === "lost") return;
    if (kind === "ready") {
      this.ready.resolve();
      this.#keeper.free(this);
    } else if (kind === "refused")
      this.#lose(
        new ThreadStartError(message[2].message, {
          cause: fromData(message[2]),
        }),
      );
    else if (id === this.#id && this.#call?.hear(message)) this.#release();
  }

  #release(): void {
    this.#call = undefined;
    if (this.#state !== "alive") return;
    if (this.served >= this.#limit) this.retire();
    else this.#keeper.free(this);
  }

  /** What it said last may still be on its way, a reply even. */
  #exit(code: number): void {
    const wasAsked = this.#state !== "alive";
    if (this.#state !== "lost") this.#state = "exited";
    for (
      let last = receiveMessageOnPort(this.#port);
      last !== undefined;
      last = receiveMessageOnPort(this.#port)
    )
      this.#hear(last.message as FromThread);
    this.#lose(wasAsked ? undefined : this.#epitaph(code));
    this.#port.close();
  }

  #epitaph(code: number): ThreadLostError {
    const { module } = this.#keeper.settings;
    return this.#error === undefined
      ? new ThreadLostError(
          `a thread of ${module} called process.exit(${code})`,
        )
      : new ThreadLostError(
          `a thread of ${module} ended by an error: ${this.#error.message}`,
          { cause: this.#error },
        );
  }

  #lose(reason: Error | undefined): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    clearTimeout(this.#silence);
    const why = reason ?? new ThreadLostError("the thread was ended");
    const told = this.#tellCall(why);
    this.ready.reject(why);
    this.lost.resolve({
      died: reason !== undefined,
      untold: told ? undefined : reason,
    });
  }

  /** A request that has reached the application is lost with it; one that has not yet is for another thread. */
  #tellCall(why: Error): boolean {
    const call = this.#call;
    this.#call = undefined;
    if (call === undefined) return false;
    if (Atomics.load(this.#words, WORD.begun) === this.#id)
      return call.lost(why);
    call.leaveThread();
    this.#keeper.again(call);
    return false;
  }
}

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

/** By chance, so that threads of the same age are not replaced at once. */
function limitOf({ maxRequestsPerThread, maxRequestsJitter }: ThreadSettings) {
  return (
    maxRequestsPerThread - Math.floor(Math.random() * (maxRequestsJitter + 1))
  );
}
