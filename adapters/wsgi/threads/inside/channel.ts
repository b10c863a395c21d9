/**
 * The thread's side of the conversation with the loop, and the only place where a thread sleeps while it serves.
 *
 * A sleeping thread does not turn its event loop. It takes messages from the port by itself, then sleeps on the word that
 * the loop counts up with everything it says.
 */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks"; // the global is a getter, half as dear again as the call
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
  HEAD_END,
  STOP,
  THREAD_DATA,
  WINDOW,
  WORD,
  weightOf,
  type Beginning,
  type FromThread,
  type Message,
  type Requests,
  type ThreadData,
  type ToThread,
  type Work,
} from "../protocol.ts";

/** Milliseconds. To fall asleep and be woken takes some tens of µs of a processor that is busy, and up to a hundred of one that sleeps itself. */
const QUICK_MS = 0.15;

/** On a single core whoever stays awake is in the way of the loop. */
const SPARE_CORES = availableParallelism() > 1;

/** What is to be served. */
export interface Request {
  readonly id: number;
  readonly head: string;
  /** Where there is a body. */
  readonly beginning: Beginning | undefined;
}

type Answer = [
  kind: "body" | "result",
  id: number,
  value?: unknown,
  error?: ErrorData,
];

export class Channel {
  readonly #port: MessagePort;
  readonly #words: Int32Array;
  /** Of the request that is served; 0 between requests. */
  #id = 0;
  #answer: Answer | undefined;
  /** Requests at hand. */
  readonly #requests: Request[] = [];
  /** Of the reply, by the weight of its chunks; counts as the word `taken` does. */
  #sent = 0;
  /** What it waited for last came so soon that most of the time went into waking up: it stays awake for the next. */
  #isQuick = false;
  /** Of the whole reply that was sent last. */
  #head: string | undefined;
  /** What the loop's errors are known by: those of this request, as the loop forgets them with it. */
  #origins: Map<unknown, number> | undefined;

  constructor({ port, words }: Pick<ThreadData, "port" | "words">) {
    this.#port = port;
    this.#words = new Int32Array(words);
  }

  get id(): number {
    return this.#id;
  }

  /** Takes note of requests that are to be served, after the others. */
  note(requests: Requests): void {
    const [, first, heads, beginnings] = requests;
    heads.split(HEAD_END).forEach((head, i) => {
      const id = (first + i) | 0;
      this.#requests.push({ id, head, beginning: beginnings?.get(id) });
    });
  }

  /** The next request; undefined when there is none at hand. */
  next(): Request | undefined {
    for (;;) {
      const request = this.#requests.shift();
      if (request === undefined || this.#claim(request.id)) return request;
    }
  }

  get hasMore(): boolean {
    return this.#requests.length > 0;
  }

  /** False: the loop has taken it back. */
  #claim(id: number): boolean {
    const before = (id - 1) | 0;
    const { claimed } = WORD;
    return Atomics.compareExchange(this.#words, claimed, before, id) === before;
  }

  begin(id: number): void {
    this.#id = id;
    this.#sent = 0;
    this.#origins = undefined;
  }

  end(): void {
    this.#id = 0;
  }

  post(message: FromThread, transfer: TransferListItem[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  /** The whole of it. */
  reply(reply: StartedReply, body: Chunk, brief: boolean): void {
    const head = writeReply(reply);
    if (brief && head === this.#head) return this.post(body);
    this.post(["reply", this.#id, body, brief, head]);
    this.#head = head;
  }

  /** The request is to end early. */
  get stopped(): boolean {
    return Atomics.load(this.#words, WORD.stopped) === this.#id;
  }

  /** Sends a chunk, once the client is not too far behind. False: nobody wants it any more. */
  send(chunk: Chunk, head?: string): boolean {
    this.#sleepUntil(() => this.stopped || this.#ahead <= WINDOW);
    if (this.stopped) return false;
    this.#sent = (this.#sent + weightOf(chunk)) | 0;
    const own = ownBytes(chunk);
    const message: Message = ["chunk", this.#id, own];
    if (head !== undefined) message.push(head);
    this.post(
      message,
      own === chunk ? [] : [(own as Uint8Array).buffer as ArrayBuffer],
    );
    return true;
  }

  /** More of the body of request `id`; undefined at its end. Sleeps until it is there. */
  pull(id: number): Uint8Array | undefined {
    if (id !== this.#id) throw new BodyUsedError("the exchange is over");
    return this.#ask("pull") as Uint8Array | undefined;
  }

  /** What works come to. Sleeps until they are done. */
  wait(works: readonly Work[]): unknown[] {
    return this.#ask("wait", works) as unknown[];
  }

  /** As an error crosses; one that came from the loop is told to be that. */
  toData(error: unknown): ErrorData {
    const origin = this.#origins?.get(error);
    return { ...toData(error), ...(origin === undefined ? {} : { origin }) };
  }

  /** @throws what the loop answers, and why the request is to end early when it is: that goes before any answer. */
  #ask(kind: "pull" | "wait", works?: readonly Work[]): unknown {
    if (this.#id === 0)
      throw new UsageError(
        "wait() is for the request that runs, and none does",
      );
    this.#answer = undefined;
    this.#check();
    this.post([kind, this.#id, works] as Message);
    this.#sleepUntil(() => this.stopped || this.#answer !== undefined);
    this.#check();
    const [, , value, error] = this.#answer!;
    if (error !== undefined) throw this.#borrowed(error);
    return value;
  }

  /** @throws why the request is to end early. */
  #check(): void {
    if (!this.stopped) return;
    const aborted = Atomics.load(this.#words, WORD.stop) === STOP.aborted;
    throw aborted ? new ClientAbortedError() : new HaltedError();
  }

  #borrowed(data: ErrorData): Error {
    const error = fromData(data);
    if (data.origin !== undefined)
      (this.#origins ??= new Map()).set(error, data.origin);
    return error;
  }

  /** What of the reply the client has not taken. */
  get #ahead(): number {
    const known = Atomics.load(this.#words, WORD.takenOf) === this.#id;
    const taken = known ? Atomics.load(this.#words, WORD.taken) : 0;
    return (this.#sent - taken) | 0;
  }

  /** The count is read before anything else: what happens in between then ends the sleep at once. */
  #sleepUntil(ready: () => boolean): void {
    let since: number | undefined;
    for (;;) {
      const events = Atomics.load(this.#words, WORD.events);
      this.#receive();
      if (ready()) break;
      since ??= performance.now();
      if (!this.#isQuick || !this.#watch(events, since + QUICK_MS))
        Atomics.wait(this.#words, WORD.events, events);
    }
    if (since !== undefined)
      this.#isQuick = SPARE_CORES && performance.now() - since < QUICK_MS;
  }

  /** Stays awake. False: nothing has happened by then. */
  #watch(events: number, until: number): boolean {
    do if (Atomics.load(this.#words, WORD.events) !== events) return true;
    while (performance.now() < until);
    return false;
  }

  #take(): ToThread | undefined {
    return receiveMessageOnPort(this.#port)?.message as ToThread | undefined;
  }

  /** Answers that an earlier request did not wait for are dropped. */
  #receive(): void {
    for (let message = this.#take(); message; message = this.#take())
      if (message[0] === "requests") this.note(message);
      else if (message[1] === this.#id) this.#answer = message as Answer;
  }
}

/** A chunk that can be posted. Of a view the whole buffer behind it would be copied, and what is shared would stay so. */
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
