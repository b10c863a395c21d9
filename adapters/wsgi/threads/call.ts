/** One request in a thread, as the loop sees it: from the queue to the thread being free again. */
import {
  ClientAbortedError,
  ThreadTimeoutError,
  type GatewayRequest,
  type GatewayResponse,
} from "../../../lib/adapter.ts";
import type { Chunk } from "../types.ts";
import { fromData, toData, type ErrorData } from "./error-data.ts";
import type { Feed } from "./feed.ts";
import { readReply, writeRequest } from "./head.ts";
import type { ThreadSettings } from "./options.ts";
import {
  STOP,
  WINDOW,
  weightOf,
  type Beginning,
  type Message,
  type Stop,
  type Work,
} from "./protocol.ts";
import { ReplyBody } from "./reply-body.ts";
import type { Thread } from "./thread.ts";
import { performFor } from "./work.ts";

/** Where the reply goes; what comes after the first of them is ignored. */
export interface Caller {
  resolve(response: GatewayResponse): void;
  reject(error: Error): void;
}

export class Call {
  readonly #request: GatewayRequest;
  readonly #feed: Feed | undefined;
  readonly #settings: ThreadSettings;
  readonly #caller: Caller;
  /** While it runs, or is at hand. */
  #thread: Thread | undefined;
  #id = 0;
  /** From the head on. */
  #body: ReplyBody | undefined;
  /** Chunks that came, and those that the client took, by their weight. */
  #sent = 0;
  #taken = 0;
  /** What the application asked for and waits for. */
  #awaits: "body" | "result" | undefined;
  #stop: Stop = STOP.no;
  /** Errors that were sent into the thread, and may come back as they are. */
  #lent: unknown[] | undefined;
  #grace: NodeJS.Timeout | undefined;
  /** Those who wait for the thread to be free, if anybody does. */
  #whenFree: ((error?: Error) => void)[] | undefined;

  constructor(
    request: GatewayRequest,
    feed: Feed | undefined,
    settings: ThreadSettings,
    caller: Caller,
  ) {
    this.#request = request;
    this.#feed = feed;
    this.#settings = settings;
    this.#caller = caller;
  }

  /** There is a head. */
  get replies(): boolean {
    return this.#body !== undefined;
  }

  /** The application sleeps: for its client, or for work that is done on the loop. */
  get asleep(): boolean {
    return this.#awaits !== undefined || this.#waitsForClient;
  }

  get #waitsForClient(): boolean {
    return this.#awaits === "body" || this.#sent - this.#taken > WINDOW;
  }

  /** For the log. */
  get line(): string {
    const { method, mountPath, path } = this.#request;
    return `${method} ${mountPath}${path}`;
  }

  /** What its thread knows it by. */
  get id(): number {
    return this.#id;
  }

  get head(): string {
    return writeRequest(this.#request);
  }

  get beginning(): Beginning | undefined {
    return this.#feed && [this.#feed.first, this.#feed.complete];
  }

  /** It is this thread's now, which knows it by `id`. */
  enter(thread: Thread, id: number): void {
    this.#thread = thread;
    this.#id = id;
  }

  /** What the thread says. True: it is free. */
  hear(message: Message): boolean {
    switch (message[0]) {
      case "reply":
        this.reply(message[2], message[4]);
        return true;
      case "end":
        this.#finish(message[2]);
        return true;
      case "chunk":
        this.#receive(message[2], message[3]);
        break;
      case "pull":
        void this.#pull();
        break;
      case "wait":
        this.#perform(message[2]);
        break;
      case "log":
        this.#request.log[message[2]](message[3], message[4]);
    }
    return false;
  }

  /** The thread has ended in the middle. False: nobody waits for the reply any more. */
  lost(reason: Error): boolean {
    this.#free();
    this.#fail(reason);
    return this.#stop === STOP.no;
  }

  /** The thread gives it back, not begun. */
  leaveThread(): void {
    this.#thread = undefined;
  }

  /** No sign of life for `threadTimeoutMs`. What is the client's fault is left to the limits on clients. */
  overrun(): void {
    if (this.#waitsForClient) return this.#thread!.noteLife();
    if (this.#stop !== STOP.no) return;
    const error = new ThreadTimeoutError(this.#settings.threadTimeoutMs);
    this.#request.log.warn(`${this.line}: ${error.message}`);
    this.#stopFor(STOP.halted);
    this.#fail(error);
  }

  /** Its exchange is over: asks the application to end, and gives it a while to do so. */
  stop(): void {
    if (this.#thread === undefined) return;
    const { signal } = this.#request;
    const aborted = signal.reason instanceof ClientAbortedError;
    if (!signal.aborted) this.#stopFor(STOP.enough);
    else this.#stopFor(aborted ? STOP.aborted : STOP.halted);
  }

  /** As `stop`, and done when the thread is free. @throws what the application's cleanup throws. */
  cancel(): Promise<void> {
    this.stop();
    if (this.#thread === undefined) return Promise.resolve();
    return new Promise((resolve, reject) =>
      (this.#whenFree ??= []).push((error) =>
        error ? reject(error) : resolve(),
      ),
    );
  }

  /** The client has taken this. */
  taken(chunk: Chunk): void {
    this.#taken += weightOf(chunk);
    this.#thread?.tellTaken(this.#id, this.#taken);
  }

  #receive(chunk: Chunk, head: string | undefined): void {
    this.#thread!.noteLife();
    this.#sent += weightOf(chunk);
    if (head !== undefined) {
      this.#body = new ReplyBody(this);
      this.#caller.resolve(readReply(head, this.#body));
    }
    if (chunk.length > 0) this.#body!.push(chunk);
    else this.taken(chunk);
  }

  async #pull(): Promise<void> {
    this.#awaits = "body";
    const { chunk, error } = await this.#feed!.next();
    this.#answer(chunk, error);
  }

  /** In a task of the request: halted when the client leaves. What was asked too late is answered by the stop. */
  #perform(works: readonly Work[]): void {
    if (this.#stop !== STOP.no) return;
    this.#awaits = "result";
    try {
      this.#request.scope.run(() =>
        performFor(works, this.#settings.provide, (values, error) =>
          this.#answer(values, error),
        ),
      );
    } catch (error) {
      this.#answer(undefined, error); // the exchange is over
    }
  }

  #answer(value: unknown, error: unknown): void {
    const kind = this.#awaits!;
    this.#awaits = undefined;
    this.#thread?.noteLife();
    const data = error === undefined ? undefined : this.#lend(error);
    try {
      this.#thread?.answer(this.#id, kind, value, data);
    } catch (failure) {
      this.#thread?.answer(this.#id, kind, undefined, this.#lend(failure)); // what provide() gave cannot be cloned
    }
  }

  /** An error of the loop's, for the application to handle; if it does not, it is known again. */
  #lend(error: unknown): ErrorData {
    this.#lent ??= [];
    return { ...toData(error), origin: this.#lent.push(error) - 1 };
  }

  #known(data: ErrorData): Error {
    const { origin } = data;
    return origin === undefined
      ? fromData(data)
      : (this.#lent![origin] as Error);
  }

  /** The application is done. */
  #finish(data: ErrorData | undefined): void {
    const error = data === undefined ? undefined : this.#known(data);
    this.#free(error);
    if (error !== undefined) this.#fail(error);
    else this.#body?.end();
  }

  /** The whole of it, with the head of the last one where there is none. It is over before the caller hears of it, who would otherwise stop it. */
  reply(body: Chunk, head?: string): void {
    const { heads } = this.#thread!;
    this.#free();
    this.#caller.resolve(heads.read(head, body));
  }

  #fail(error: Error): void {
    this.#body?.end(error);
    this.#caller.reject(error);
  }

  #free(error?: Error): void {
    this.#thread = undefined;
    clearTimeout(this.#grace);
    if (error !== undefined && this.#stop !== STOP.no && !this.#whenFree)
      this.#request.log.debug({ err: error }, "failed after its end");
    this.#whenFree?.forEach((done) => done(error));
  }

  #stopFor(why: Stop): void {
    if (this.#thread === undefined || this.#stop !== STOP.no) return;
    this.#stop = why;
    if (!this.#thread.stop(this, why)) return;
    const { abortGraceMs } = this.#settings;
    this.#grace = setTimeout(() => this.#kill(), abortGraceMs);
  }

  #kill(): void {
    const { abortGraceMs } = this.#settings;
    this.#request.log.warn(
      `${this.line} went on for ${abortGraceMs} ms after its end (abortGraceMs); its thread is replaced`,
    );
    this.#thread!.kill();
  }
}
