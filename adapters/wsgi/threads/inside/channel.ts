/**
 * How a thread talks with the loop, and the only place where it sleeps while it serves.
 *
 * A sleeping thread does not turn its event loop. It reads the messages from the port by itself, then sleeps on the
 * word of the flags that the loop counts up with each of them.
 */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks"; // the global is a getter, and slower
import {
  isMainThread,
  receiveMessageOnPort,
  workerData,
  type MessagePort,
  type TransferListItem,
} from "node:worker_threads";
import {
  BodyUsedError,
  ClientAbortedError,
  HaltedError,
  UsageError,
} from "../../../../lib/adapter.ts";
import type { StartedReply } from "../../start-response.ts";
import type { Chunk } from "../../types.ts";
import { fromData, toData, type ErrorData } from "../error-data.ts";
import { writeReply } from "../head.ts";
import {
  THREAD_DATA,
  WINDOW,
  weightOf,
  type FromThread,
  type ThreadData,
  type ToThread,
  type WorkData,
} from "../protocol.ts";
import { SharedFlags, STOP } from "../shared-flags.ts";
import { SharedQueue, type QueuedRequest } from "../shared-queue.ts";

/** Milliseconds for which a thread stays awake: to fall asleep and be woken may take as long. */
const QUICK_MS = 0.15;

/** On a single core a thread that stays awake is in the way of the loop. */
const SPARE_CORES = availableParallelism() > 1;

type Answer = Extract<ToThread, [kind: "answer", ...unknown[]]>;

type HeadedMessage = Extract<FromThread, [kind: "reply" | "chunk", ...any[]]>;

export class Channel {
  readonly #port: MessagePort;
  readonly #flags: SharedFlags;
  readonly #queue: SharedQueue;
  /** How many more requests it may begin. */
  #left: number;
  /** Of the request that is served; 0 between requests. */
  #id = 0;
  #answer: Answer | undefined;
  #isIdle = true;
  /** Of the reply, by the weight of its chunks; counts as the flags do. */
  #sent = 0;
  /** What it waited for last came within QUICK_MS: so it stays awake for the next. */
  #isQuick = false;
  /** Of the reply that was sent last. */
  #head: string | undefined;
  /** Under which numbers the loop knows the errors that it has sent for this request. */
  #origins: Map<unknown, number> | undefined;

  constructor({ port, flags, queue, maxRequests }: ThreadData) {
    this.#port = port;
    this.#flags = new SharedFlags(flags);
    this.#queue = new SharedQueue(queue);
    this.#left = maxRequests;
  }

  get id(): number {
    return this.#id;
  }

  /** Begins the next request; undefined when there is none. */
  begin(): QueuedRequest | undefined {
    if (this.#left === 0) return undefined;
    const request = this.#queue.take(this.#flags);
    if (request === undefined) return undefined;
    this.#left--;
    this.#id = request.id;
    this.#sent = 0;
    this.#origins = undefined;
    return request;
  }

  end(): void {
    this.#flags.end(this.#id);
    this.#id = 0;
  }

  /** It has told the loop that it waits for "work". */
  get isIdle(): boolean {
    return this.#isIdle;
  }

  post(message: FromThread, transfer: TransferListItem[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  /** The whole of it. */
  reply(reply: StartedReply, body: Chunk): void {
    this.#postHead(["reply", this.#id, this.#goesIdle(), body], reply);
  }

  /** The request is over. */
  finish(error?: ErrorData): void {
    this.post(["end", this.#id, this.#goesIdle(), error]);
  }

  #goesIdle(): boolean {
    return (this.#isIdle = this.#left === 0 || this.#queue.isEmpty);
  }

  /** The request is to end early. */
  get stopped(): boolean {
    return this.#flags.stopReason(this.#id) !== STOP.no;
  }

  /** Sends a chunk, the first with the head, once the client is not too far behind. False: nobody wants it any more. */
  send(chunk: Chunk, reply?: StartedReply): boolean {
    this.#sleepUntil(() => this.stopped || this.#ahead <= WINDOW);
    if (this.stopped) return false;
    this.#sent = (this.#sent + weightOf(1, chunk.length)) | 0;
    const own = ownBytes(chunk);
    const transfer =
      own === chunk ? [] : [(own as Uint8Array).buffer as ArrayBuffer];
    const message: HeadedMessage = ["chunk", this.#id, own];
    if (reply === undefined) this.post(message, transfer);
    else this.#postHead(message, reply, transfer);
    return true;
  }

  /** With the head, unless it is that of the last reply. */
  #postHead(
    message: HeadedMessage,
    reply: StartedReply,
    transfer?: TransferListItem[],
  ): void {
    const head = writeReply(reply);
    if (head !== this.#head) message.push(head);
    this.post(message, transfer);
    this.#head = head;
  }

  /** The head of this request. */
  readHead(): string {
    return this.#ask(["head", this.#id]) as string;
  }

  /** More of the body of request `id`; undefined at its end. Sleeps until it is there. */
  pull(id: number): Uint8Array | undefined {
    if (id !== this.#id) throw new BodyUsedError("the exchange is over");
    return this.#ask(["pull", id]) as Uint8Array | undefined;
  }

  /** What works come to. Sleeps until they are done. */
  wait(works: readonly WorkData[]): unknown[] {
    if (this.#id === 0)
      throw new UsageError(
        "wait() is for the request that runs, and none does",
      );
    return this.#ask(["wait", this.#id, works]) as unknown[];
  }

  /** The error as data. One that came from the loop has its number there. */
  toData(error: unknown): ErrorData {
    const origin = this.#origins?.get(error);
    return { ...toData(error), ...(origin === undefined ? {} : { origin }) };
  }

  /** @throws what the loop answers, and why the request is to end early when it is: that goes before any answer. */
  #ask(question: FromThread): unknown {
    this.#answer = undefined;
    this.#check();
    this.post(question);
    this.#sleepUntil(() => this.stopped || this.#answer !== undefined);
    this.#check();
    const [, , value, error] = this.#answer!;
    if (error !== undefined) throw this.#borrowed(error);
    return value;
  }

  /** @throws why the request is to end early. */
  #check(): void {
    const reason = this.#flags.stopReason(this.#id);
    if (reason === STOP.no) return;
    throw reason === STOP.aborted
      ? new ClientAbortedError()
      : new HaltedError();
  }

  #borrowed(data: ErrorData): Error {
    const error = fromData(data);
    if (data.origin !== undefined)
      (this.#origins ??= new Map()).set(error, data.origin);
    return error;
  }

  /** What of the reply the client has not taken. */
  get #ahead(): number {
    return (this.#sent - this.#flags.taken(this.#id)) | 0;
  }

  /** Events are read before anything else: what happens in between then ends the sleep at once. */
  #sleepUntil(ready: () => boolean): void {
    let since: number | undefined;
    for (;;) {
      const { events } = this.#flags;
      this.#receive();
      if (ready()) break;
      since ??= performance.now();
      if (!this.#isQuick || !this.#watch(events, since + QUICK_MS))
        this.#flags.sleep(events);
    }
    if (since !== undefined)
      this.#isQuick = SPARE_CORES && performance.now() - since < QUICK_MS;
  }

  /** Stays awake. False: nothing has happened by then. */
  #watch(events: number, until: number): boolean {
    do if (this.#flags.events !== events) return true;
    while (performance.now() < until);
    return false;
  }

  /** Answers that an earlier request did not wait for are dropped. */
  #receive(): void {
    for (;;) {
      const next = receiveMessageOnPort(this.#port);
      if (next === undefined) return;
      const message = next.message as ToThread;
      if (message[0] === "answer" && message[1] === this.#id)
        this.#answer = message;
    }
  }
}

/**
 * The chunk, or a copy of it that can be posted: of a view the whole buffer behind it would be posted, and shared
 * memory would stay shared.
 */
export function ownBytes(chunk: Chunk): Chunk {
  if (typeof chunk === "string") return chunk;
  const { buffer, length } = chunk;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length)
    return chunk;
  return Uint8Array.prototype.slice.call(chunk);
}

/** What this thread was started with; undefined in any thread that is not ours, the main one among them. */
export const threadData: ThreadData | undefined = isMainThread
  ? undefined
  : (workerData as Record<string, ThreadData> | null)?.[THREAD_DATA];

/** This thread's; `wait` needs it, wherever in the application it is called. */
export const channel: Channel | undefined =
  threadData && new Channel(threadData);
