/** Every option of an application in threads, its default and the reason for it. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  AMOUNT,
  checkOptions,
  COUNT,
  COUNT_OR_INFINITY,
  MAX_TIMER_MS,
  TEXT,
  UsageError,
  type Rule,
} from "../../../lib/adapter.ts";
import type { Provided } from "./work.ts";

/** A synchronous application that runs in threads, by its module. */
export interface ThreadedApp {
  /** The JavaScript module that exports the application: a path, from the working directory, or a URL such as `new URL("./app.js", import.meta.url)`. Each thread loads its own copy. */
  module: string | URL;
  /** Name of the application among the module's exports. Default `"default"`. */
  export?: string;
  /** Requests that run at once. Each thread takes about 10 MB. Default 8, at least two for each core: enough to sleep in while others compute. Choose it by how many requests sleep at once, not by cores. */
  threads?: number;
  /** Milliseconds in which a thread has to load the module. After that it has failed to start: `listen` fails, or, where one is replaced, the log says so and the next one follows. `Infinity` for any. Default 60,000, which is much for an import and little for whoever waits for one that never ends. */
  startTimeoutMs?: number;
  /** Requests that wait for a thread, beyond which further ones are answered 503 with `retry-after`. Default 1024: a second's worth for eight threads that take 8 ms each; longer queues only make clients wait for what they have given up. */
  maxQueuedRequests?: number;
  /** Milliseconds for which the application may run without giving a chunk or reading one; then the client gets 503, or a cut connection when the head is out. What it waits for its client does not count, what it waits for work does. `Infinity` for any. Default 30,000, as Gunicorn's `timeout`. */
  threadTimeoutMs?: number;
  /** Milliseconds that a request has to come to an end when its client has left, its time is up or the loop closes; then its thread is replaced. Default 1,000: a `read`, a `wait` or a chunk ends it at once, so that only code that computes needs it. */
  abortGraceMs?: number;
  /** Requests after which a thread is replaced by a fresh one: for applications that leak. Default `Infinity`. */
  maxRequestsPerThread?: number;
  /** Up to so many requests are taken off `maxRequestsPerThread`, by chance and for each thread, so that they are not all replaced at once. Default a tenth. */
  maxRequestsJitter?: number;
  /** Megabytes of JavaScript objects in a thread, beyond which it ends with an error. Default 512: without a limit a leak takes the machine along, by way of many seconds of garbage collection. */
  maxHeapMb?: number;
  /** Functions that the application can call with `wait.call(name, …)`; they run on the loop. */
  provide?: Provided;
}

export interface ThreadSettings {
  /** URL of the module. */
  readonly module: string;
  readonly export: string;
  readonly threads: number;
  readonly startTimeoutMs: number;
  readonly maxQueuedRequests: number;
  readonly threadTimeoutMs: number;
  readonly abortGraceMs: number;
  readonly maxRequestsPerThread: number;
  readonly maxRequestsJitter: number | undefined;
  readonly maxHeapMb: number;
  readonly provide: Provided;
}

const RULES: Record<keyof ThreadedApp, Rule> = {
  module: [
    (value) => value instanceof URL || TEXT[0](value),
    "a path or a URL",
  ],
  export: [TEXT[0], "the name of an export"],
  threads: COUNT,
  startTimeoutMs: AMOUNT,
  maxQueuedRequests: AMOUNT,
  threadTimeoutMs: AMOUNT,
  abortGraceMs: AMOUNT,
  maxRequestsPerThread: COUNT_OR_INFINITY,
  maxRequestsJitter: AMOUNT,
  maxHeapMb: COUNT,
  provide: [
    (value) =>
      typeof value === "object" &&
      value !== null &&
      Object.values(value).every((one) => typeof one === "function"),
    "an object of functions",
  ],
};

/** @throws {UsageError} naming an option that does not exist, is missing or has a bad value. */
export function threadSettings(app: ThreadedApp): ThreadSettings {
  const given = checked(app);
  return {
    export: "default",
    threads: Math.max(8, 2 * availableParallelism()),
    maxQueuedRequests: 1024,
    maxRequestsPerThread: Infinity,
    maxRequestsJitter: undefined,
    maxHeapMb: 512,
    provide: {},
    ...given,
    startTimeoutMs: Math.min(given.startTimeoutMs ?? 60_000, MAX_TIMER_MS),
    abortGraceMs: Math.min(given.abortGraceMs ?? 1000, MAX_TIMER_MS),
    threadTimeoutMs: Math.min(given.threadTimeoutMs ?? 30_000, MAX_TIMER_MS),
    module: urlOf(given.module),
  };
}

/** @throws {UsageError} also when there is no module. */
function checked(app: ThreadedApp): ThreadedApp {
  const given = checkOptions(app, RULES, "wsgi()");
  if (given.module === undefined)
    throw new UsageError(
      "wsgi() takes an application or { module }, the module that exports one",
    );
  return given as ThreadedApp;
}

/** What an error calls the module that has this URL. */
export const fileOf = (module: string): string =>
  module.startsWith("file:") ? fileURLToPath(module) : module;

function urlOf(module: string | URL): string {
  if (module instanceof URL || module.startsWith("file:"))
    return String(module);
  return String(pathToFileURL(resolve(module)));
}
