/**
 * What the loop and a thread say to each other: messages, and a few words of shared memory for what a thread has to learn
 * while its application runs. Both sides import it.
 *
 * A message is [kind, request, …]; one about a request that is over is ignored. A thread has one request at a time.
 */
import type { MessagePort } from "node:worker_threads";
import type { Chunk } from "../types.ts";
import type { ErrorData } from "./error-data.ts";

export type ToThread =
  /** Serve this. `first` is the beginning of the body, where there is one; `complete`: it is all of it. */
  | [
      kind: "request",
      id: number,
      head: string,
      first: Uint8Array | undefined,
      complete: boolean,
    ]
  /** The answer to "pull". Neither chunk nor error: the body is at its end. */
  | [kind: "body", id: number, chunk?: Uint8Array, error?: ErrorData]
  /** The answer to "wait". */
  | [kind: "result", id: number, values?: unknown[], error?: ErrorData]
  /** End yourself, when you have nothing to do. */
  | [kind: "retire", id: 0];

export type FromThread =
  | [kind: "ready", id: 0]
  /** The application cannot be loaded. */
  | [kind: "refused", id: 0, error: ErrorData]
  /** The whole reply; the thread is free. */
  | [kind: "reply", id: number, head: string, body: Chunk]
  /** A piece of the reply's body; the head comes with the first. */
  | [kind: "chunk", id: number, chunk: Chunk, head?: string]
  /** The request is over, well or with an error; the thread is free. */
  | [kind: "end", id: number, error?: ErrorData]
  /** Asks for more of the request's body. */
  | [kind: "pull", id: number]
  /** Asks for work to be done on the loop, all of it at once. */
  | [kind: "wait", id: number, works: readonly Work[]]
  | [kind: "log", id: number, level: LogLevel, fields: object, text: string]
  | [kind: "print", id: number, stream: "stdout" | "stderr", text: string];

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Asynchronous work by its name. */
export type Work = readonly [name: string, ...args: unknown[]];

/** Where in the shared memory a word is. */
export const WORD = {
  /** Counts up with everything that a sleeping thread may wait for. */
  events: 0,
  /** Why the request is to end early, see STOP. */
  stop: 1,
  /** How much of the reply the client has taken, by the weight of its chunks; modulo 2^32. */
  taken: 2,
  /** Which request the thread has begun last. */
  begun: 3,
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
