/**
 * What the loop and a thread say to each other: messages, and a few words of shared memory for what a thread has to learn
 * while its application runs. Both sides import it.
 *
 * A message is [kind, request, …]; one about a request that is over is ignored. What crosses most often does so as a single
 * string, at half the price of an array. A thread serves one request at a time, and has the next ones at hand, so that it
 * need not wait for the loop to hear of the end of one before it begins another. Their numbers have no gaps: whoever sets
 * `claimed` from one less has request n, the thread to serve it, or the loop to take it back.
 */
import type { MessagePort } from "node:worker_threads";
import type { Chunk } from "../types.ts";
import type { ErrorData } from "./error-data.ts";

/** What is there of a request's body, if anything, and whether that is all. */
export type Beginning = readonly [
  first: Uint8Array | undefined,
  complete: boolean,
];

/** Between two heads. No head has it in it: the engine refuses it wherever it comes. */
export const HEAD_END = "\0";

/** Serve these, one after the other: all that there were in a turn of the loop. The first is request `id`, those with a body are in `beginnings`, too. */
export type Requests = [
  kind: "requests",
  id: number,
  heads: string,
  beginnings?: ReadonlyMap<number, Beginning>,
];

export type ToThread =
  | Requests
  /** The answer to "pull". Neither chunk nor error: the body is at its end. */
  | [kind: "body", id: number, chunk?: Uint8Array, error?: ErrorData]
  /** The answer to "wait". */
  | [kind: "result", id: number, values?: unknown[], error?: ErrorData]
  /** End yourself, when you have nothing to do. */
  | [kind: "retire", id: 0];

export type FromThread =
  /** The whole reply to the request that runs, which took less than {@link BRIEF_MS} and has the head of the last whole reply. */
  Chunk | Message;

export type Message =
  | [kind: "ready", id: 0]
  /** The application cannot be loaded. */
  | [kind: "refused", id: 0, error: ErrorData]
  /** The whole reply; the thread goes on with what it has at hand. `brief`: it took less than {@link BRIEF_MS}. */
  | [kind: "reply", id: number, body: Chunk, brief: boolean, head: string]
  /** A piece of the reply's body; the head comes with the first. */
  | [kind: "chunk", id: number, chunk: Chunk, head?: string]
  /** The request is over, well or with an error; the thread goes on, too. */
  | [kind: "end", id: number, error?: ErrorData]
  /** Asks for more of the request's body. */
  | [kind: "pull", id: number]
  /** Asks for work to be done on the loop, all of it at once. */
  | [kind: "wait", id: number, works: readonly Work[]]
  | [kind: "log", id: number, level: LogLevel, fields: object, text: string]
  /** Also what it prints while it loads, or between requests. */
  | [kind: "print", id: 0, stream: "stdout" | "stderr", text: string];

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Asynchronous work by its name. */
export type Work = readonly [name: string, ...args: unknown[]];

/** Where in the shared memory a word is. */
export const WORD = {
  /** Counts up with everything that a sleeping thread may wait for. */
  events: 0,
  /** The last request that was begun or taken back. */
  claimed: 1,
  /** Why request `stopped` is to end early, see STOP. Written before it, as what is said of another request means nothing. */
  stop: 2,
  stopped: 3,
  /** How much of the reply to request `takenOf` the client has taken, by the weight of its chunks; modulo 2^32. Written before it, too. */
  taken: 4,
  takenOf: 5,
} as const;

/** Bytes of the shared memory: a cache line, so that no two threads' words are in one. */
export const WORDS_BYTES = 64;

export const STOP = {
  no: 0,
  /** Nobody wants the rest of the reply, which is no mistake: HEAD, or its length is reached. */
  enough: 1,
  /** The client went away. */
  aborted: 2,
  /** The loop does not wait any longer. */
  halted: 3,
} as const;

export type Stop = (typeof STOP)[keyof typeof STOP];

/** What of a reply may be on its way to the client before the application has to wait. Four chunks of 64 KiB. */
export const WINDOW = 256 * 1024;

/** A request that takes less is over before the loop could have done something for those behind it. */
export const BRIEF_MS = 1;

/** What a chunk counts for in the window: also one of a byte is a message, and a thousand of them keep the loop busy. */
export function weightOf(chunk: Chunk): number {
  return chunk.length + 1024;
}

/** What a thread is started with. */
export interface ThreadData {
  readonly port: MessagePort;
  readonly words: SharedArrayBuffer;
  /** URL of the application's module. */
  readonly module: string;
  /** Name of the application among the module's exports. */
  readonly name: string;
  /** Whether equivalent applications run in other threads. */
  readonly multiprocess: boolean;
}

/** The key of {@link ThreadData} in `workerData`. */
export const THREAD_DATA = "eddy:thread";
