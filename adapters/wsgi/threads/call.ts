/** One request for a thread, as the loop sees it: from the line to the thread being done with it. */
import {
  AsyncContext,
  ClientAbortedError,
  ThreadTimeoutError,
  type GatewayRequest,
} from "../../../lib/adapter.ts";
import type { Ahead } from "../../common/ahead.ts";
import { PushedBody, type BodySender } from "../../common/pushed-body.ts";
import type { ReplyReceiver } from "../../common/submit.ts";
import type { Chunk } from "../types.ts";
import type { BodyFeed } from "./body-feed.ts";
import { fromData, toData, type ErrorData } from "./error-data.ts";
import { writeRequest, type ReplyReader } from "./head.ts";
import type { ThreadSettings } from "./options.ts";
import {
  WINDOW,
  weightOf,
  type FromThread,
  type WorkData,
} from "./protocol.ts";
import { STOP, type StopReason } from "./shared-flags.ts";
import type { SharedQueue } from "./shared-queue.ts";
import { perform } from "./work.ts";

/** What a call needs of the thread that serves it. */
export interface ServingThread {
  readonly replies: ReplyReader;
  answer(
    id: number,
    value: unknown,
    error?: ErrorData,
    given?: ArrayBuffer,
  ): void;
  /** How much of the reply to request `id` the client has taken. */
  setTaken(id: number, taken: number): void;
  /** The application learns it when it reads, waits or gives its next chunk. */
  stop(id: number, why: StopReason): void;
  /** The application has done something, or something was done for it. */
  noteLife(): void;
  kill(): void;
}

export class ThreadCall implements BodySender {
  readonly #request: GatewayRequest;
  readonly #feed: BodyFeed | undefined;
  readonly #settings: ThreadSettings;
  readonly #receiver: ReplyReceiver;
  readonly #ahead: Ahead | undefined;
  /** What the thread asks for is done where the request was. */
  readonly #context = new AsyncContext();
  /** While it runs, once that is known. */
  #thread: ServingThread | undefined;
  #id = 0;
  /** From the head on. */
  #body: PushedBody<Chunk> | undefined;
  /** Chunks that came, and those that the client took, by their weight. */
  #sent = 0;
  #taken = 0;
  /** What the application waits for. */
  #question: "pull" | "wait" | undefined;
  #stop: StopReason = STOP.no;
  /** Errors that were sent into the thread, and may come back as they are. */
  readonly #lent: unknown[] = [];
  #grace: NodeJS.Timeout | undefined;
  /** For whoever waits for the thread to be done. */
  #whenDone: ((error?: Error) => void) | undefined;

  constructor(
    request: GatewayRequest,
    feed: BodyFeed | undefined,
    settings: ThreadSettings,
    receiver: ReplyReceiver,
    ahead: Ahead | undefined,
  ) {
    this.#request = request;
    this.#feed = feed;
    this.#settings = settings;
    this.#receiver = receiver;
    this.#ahead = ahead;
  }

  /** What threads know it by, once it has left the line. */
  get id(): number {
    return this.#id;
  }

  /** There is a head. */
  get replies(): boolean {
    return this.#body !== undefined;
  }

  /** The application sleeps: for its client, or for work that is done on the loop. */
  get asleep(): boolean {
    return this.#question !== undefined || this.#waitsForClient;
  }

  /** The client is too far behind for the next chunk. */
  get waits(): boolean {
    return this.#sent - this.#taken > WINDOW;
  }

  get #waitsForClient(): boolean {
    return this.#question === "pull" || this.waits;
  }

  /** For the log. */
  get #line(): string {
    const { method, mountPath, path } = this.#request;
    return `${method} ${mountPath}${path}`;
  }

  /** For the first thread that is free. False: there is no room. */
  enter(queue: SharedQueue): boolean {
    const id = queue.put(writeRequest(this.#request), this.#feed?.whole);
    this.#id = id ?? 0;
    return id !== undefined;
  }

  /** It is this thread that serves it. */
  begun(thread: ServingThread): void {
    if (this.#thread === thread) return;
    this.#thread = thread;
    this.#tellStop();
  }

  /** What the thread says. */
  hear(message: FromThread): void {
    switch (message[0]) {
      case "reply":
        return this.#reply(message[3], message[4]);
      case "end":
        return this.#finish(message[3]);
      case "chunk":
        return this.#receive(message[2], message[3]);
      case "head":
        return this.#answer(writeRequest(this.#request));
      case "pull":
        return this.#pull();
      case "wait":
        return this.#context.runInAsyncScope(() => this.#perform(message[2]));
      case "log":
        this.#request.log[message[2]](message[3], message[4]);
    }
  }

  /** The thread has ended in the middle. False: nobody waits for the reply any more. */
  lost(reason: Error): boolean {
    this.#done();
    this.#fail(reason);
    return this.#stop === STOP.no;
  }

  /** No sign of life for `threadTimeoutMs`. What is the client's fault is left to the limits on clients. */
  overrun(): void {
    if (this.#waitsForClient) return this.#thread!.noteLife();
    if (this.#stop !== STOP.no) return;
    const error = new ThreadTimeoutError(this.#settings.threadTimeoutMs);
    this.#request.log.warn(`${this.#line}: ${error.message}`);
    this.#stopFor(STOP.halted);
    this.#fail(error);
  }

  /** Its exchange is over: asks the application to end, and gives it a while to do so. */
  stop(): void {
    const { aborted, reason } = this.#request.signal;
    if (!aborted) this.#stopFor(STOP.enough);
    else if (reason instanceof ClientAbortedError) this.#stopFor(STOP.aborted);
    else this.#stopFor(STOP.halted);
  }

  /** As `stop`, and done when the thread is. @throws what the application's cleanup throws. */
  async cancel(): Promise<void> {
    if (this.#thread === undefined) return;
    this.stop();
    const error = await new Promise<Error | undefined>(
      (resolve) => (this.#whenDone = resolve),
    );
    if (error !== undefined) throw error;
  }

  taken(chunks: number, length: number): void {
    this.#taken += weightOf(chunks, length);
    this.#thread?.setTaken(this.#id, this.#taken);
  }

  #receive(chunk: Chunk, head: string | undefined): void {
    const thread = this.#thread!;
    thread.noteLife();
    this.#sent += weightOf(1, chunk.length);
    if (this.#body === undefined) {
      this.#body = new PushedBody(this, this.#ahead);
      this.#receiver.resolve(thread.replies.read(head, this.#body));
    }
    if (chunk.length > 0) this.#body.push(chunk);
    else this.taken(1, 0);
  }

  #pull(): void {
    this.#question = "pull";
    this.#feed!.next().then(
      (chunk) =>
        this.#answer(chunk, undefined, chunk && (chunk.buffer as ArrayBuffer)),
      (error: unknown) => this.#answer(undefined, error),
    );
  }

  /** In a task of the request: halted when the client leaves. What was asked too late is answered by the stop. */
  #perform(works: readonly WorkData[]): void {
    if (this.#stop !== STOP.no) return;
    this.#question = "wait";
    try {
      this.#request.scope.run(() =>
        perform(works, this.#settings.provide, (values, error) =>
          this.#answer(values, error),
        ),
      );
    } catch (error) {
      this.#answer(undefined, error); // the exchange is over
    }
  }

  /** `given`: memory that nobody needs here any more, which moves instead of being copied. */
  #answer(value: unknown, error?: unknown, given?: ArrayBuffer): void {
    this.#question = undefined;
    this.#thread?.noteLife();
    try {
      const data = error === undefined ? undefined : this.#lend(error);
      this.#thread?.answer(this.#id, value, data, given);
    } catch (failure) {
      this.#thread?.answer(this.#id, undefined, this.#lend(failure)); // what provide() gave cannot be cloned
    }
  }

  /** An error of the loop's, for the application to handle; if it does not, it is known again. */
  #lend(error: unknown): ErrorData {
    return { ...toData(error), origin: this.#lent.push(error) - 1 };
  }

  /** The application is done. */
  #finish(data: ErrorData | undefined): void {
    const known = data?.origin !== undefined && this.#lent[data.origin];
    const error = data && ((known || fromData(data)) as Error);
    this.#done(error);
    if (error !== undefined) this.#fail(error);
    else this.#body?.end();
  }

  /** The whole of it. The thread is done before the receiver hears of it, who would otherwise stop it. */
  #reply(body: Chunk, head: string | undefined): void {
    const { replies } = this.#thread!;
    this.#done();
    this.#receiver.resolve(replies.read(head, body));
  }

  #fail(error: Error): void {
    this.#body?.end(error);
    this.#receiver.reject(error);
  }

  #done(error?: Error): void {
    this.#thread = undefined;
    clearTimeout(this.#grace);
    if (this.#whenDone !== undefined) this.#whenDone(error);
    else if (error !== undefined && this.#stop !== STOP.no)
      this.#request.log.debug({ err: error }, "failed after its end");
  }

  #stopFor(why: StopReason): void {
    if (this.#stop !== STOP.no) return;
    this.#stop = why;
    this.#tellStop();
  }

  /** Once the thread is known. */
  #tellStop(): void {
    const thread = this.#thread;
    if (thread === undefined || this.#stop === STOP.no) return;
    thread.stop(this.#id, this.#stop);
    const { abortGraceMs } = this.#settings;
    this.#grace = setTimeout(() => {
      this.#request.log.warn(
        `${this.#line} went on for ${abortGraceMs} ms after its end (abortGraceMs); its thread is replaced`,
      );
      thread.kill();
    }, abortGraceMs);
  }
}
