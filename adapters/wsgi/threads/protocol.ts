/**
 * What the loop and a thread say to each other by messages. Both sides import it; what a thread has to learn while its
 * application runs is in `shared-flags.ts`, and what it is to serve in `shared-queue.ts`.
 *
 * A message is [kind, request, …]; one about a request that is over is ignored.
 */
import type { MessagePort } from "node:worker_threads";
import type { Chunk } from "../types.ts";
import type { ErrorData } from "./error-data.ts";

export type ToThread =
  /** There is something to serve. Sent to a thread that said it was idle. */
  | [kind: "work", id: 0]
  /** The answer to what the application waits for. For "pull": without value or error the body is at its end. */
  | [kind: "answer", id: number, value: unknown, error: ErrorData | undefined]
  /** End yourself. Sent to a thread that said it was idle. */
  | [kind: "retire", id: 0];

export type FromThread =
  /** What the application is made of, once that is loaded, well or not. Only if somebody watches files. */
  | [kind: "files", id: 0, files: readonly string[]]
  | [kind: "ready", id: 0]
  /** The application cannot be loaded. */
  | [kind: "refused", id: 0, error: ErrorData]
  /** The thread ends by this error, which the application has not caught. */
  | [kind: "failed", id: 0, error: ErrorData]
  /** There was nothing to serve. */
  | [kind: "idle", id: 0]
  /**
   * The whole reply. `idle`: the thread waits for "work" now; else it goes on by itself. Without a head it has that of
   * the last reply.
   */
  | [kind: "reply", id: number, idle: boolean, body: Chunk, head?: string]
  /** A piece of the reply's body. The head comes with the first, unless it is that of the last reply. */
  | [kind: "chunk", id: number, chunk: Chunk, head?: string]
  /** The request is over, well or with an error. */
  | [kind: "end", id: number, idle: boolean, error: ErrorData | undefined]
  /** Asks for the request's head, which was too long for the queue. */
  | [kind: "head", id: number]
  /** Asks for more of the request's body. */
  | [kind: "pull", id: number]
  /** Asks for work to be done on the loop, all of it at once. */
  | [kind: "wait", id: number, works: readonly WorkData[]]
  | [kind: "log", id: number, level: LogLevel, fields: object, text: string]
  /** Also what it prints while it loads, or between requests. */
  | [kind: "print", id: 0, stream: "stdout" | "stderr", text: string];

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Asynchronous work by its name. */
export type WorkData = readonly [name: string, ...args: unknown[]];

/** What of a reply may be on its way to the client before the application has to wait. Four chunks of 64 KiB. */
export const WINDOW = 256 * 1024;

/** What chunks count for in the window. Each counts for a little more than its length, as it is a message. */
export function weightOf(chunks: number, length: number): number {
  return length + 1024 * chunks;
}

/** What a thread is started with. */
export interface ThreadData {
  readonly port: MessagePort;
  /** Memory of its `SharedFlags`. */
  readonly flags: SharedArrayBuffer;
  /** Memory of the pool's `SharedQueue`. */
  readonly queue: SharedArrayBuffer;
  /** Requests after which it begins no more. */
  readonly maxRequests: number;
  /** URL of the application's module. */
  readonly module: string;
  /** Name of the application among the module's exports. */
  readonly name: string;
  /** Whether equivalent applications run in other threads. */
  readonly multiprocess: boolean;
  /** Whether somebody wants to know what the application is made of. */
  readonly watched: boolean;
}

/** The key of {@link ThreadData} in `workerData`. */
export const THREAD_DATA = "eddy:thread";
