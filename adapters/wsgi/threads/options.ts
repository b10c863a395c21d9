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
  SWITCH,
  TEXT,
  UsageError,
  type Rule,
} from "../../../lib/adapter.ts";
import type { Provided } from "./work.ts";

/** A synchronous application that runs in threads, by its module. */
export interface ThreadedApp {
  /**
   * The module that exports the application, in JavaScript or TypeScript, of which each thread loads its own copy: a
   * path from the working directory, or a URL such as `new URL("./app.js", import.meta.url)`.
   */
  module: string | URL;
  /**
   * Name of the application among the module's exports.
   *
   * @default "default"
   */
  export?: string;
  /**
   * Requests that run at once. Each thread takes about 10 MB.
   *
   * Choose it by how many requests sleep at once, not by cores: more threads do not make a computation faster.
   *
   * @default 8, at least two for each core: enough to sleep in while others compute
   */
  threads?: number;
  /**
   * Milliseconds in which a thread has to load the module; `Infinity` for any. After that it has failed to start:
   * `listen` fails, or, where one is replaced, the log says so and the next one follows.
   *
   * @default 60_000, which is much for an import and little for whoever waits for one that never ends
   */
  startTimeoutMs?: number;
  /**
   * Requests that wait for a thread. Further ones are answered 503 with `retry-after`.
   *
   * @default 1024, a second's worth for eight threads that take 8 ms each: in longer queues clients wait for what they
   * have given up
   */
  maxQueuedRequests?: number;
  /**
   * Whether bodies stream, at the pace of the slower side: the application is called when the first bytes of a body
   * have come and reads the rest as it comes, and gives its next chunk as its client takes the reply. A slow client
   * then keeps a thread for as long as it likes.
   *
   * Without it a request gets a thread when its body is here, in memory and from 512 KiB on in a file; and what a slow
   * client does not take of a reply waits in a file, up to 64 MiB.
   *
   * @default false: clients must not be able to keep all threads
   */
  streamBodies?: boolean;
  /**
   * Milliseconds for which the application may run without giving a chunk or reading one; `Infinity` for any. After
   * that the client gets 503, or a cut connection when the head is out.
   *
   * What the application waits for its client does not count. What it waits for work does.
   *
   * @default 30_000, as Gunicorn's `timeout`
   */
  threadTimeoutMs?: number;
  /**
   * Milliseconds that a request has to end when its client has left, its time is up or the loop closes. After that its
   * thread is replaced.
   *
   * @default 1_000: a `read`, a `wait` or a chunk ends at once, so that only code that computes needs it
   */
  abortGraceMs?: number;
  /**
   * Requests after which a thread is replaced by a fresh one, for applications that leak.
   *
   * @default Infinity
   */
  maxRequestsPerThread?: number;
  /**
   * Up to so many requests are taken off `maxRequestsPerThread`, by chance, so that threads are not all replaced at
   * once. One request is left in any case.
   *
   * @default a tenth of `maxRequestsPerThread`
   */
  maxRequestsJitter?: number;
  /**
   * Megabytes of JavaScript objects in a thread, beyond which it ends with an error.
   *
   * @default 512: without a limit a leak takes the machine along, after many seconds of garbage collection
   */
  maxHeapMb?: number;
  /**
   * Functions that the application can call by `wait.call(name, …)`. They run on the loop.
   *
   * @default none
   */
  provide?: Provided;
}

/** Times that are nobody's choice; tests have shorter ones. */
const TIMES = {
  /** Before a stand-in is started: long for whoever waits in line, short beside what a thread costs to start. */
  patienceMs: 100,
  /** After which a thread that begins nothing is stuck, at least: before that the machine may be busy. */
  stuckMs: 1000,
  /** For threads to end once they were told to; one that native code blocks may take for ever. */
  exitMs: 1000,
  /** Before a thread that was lost without having served is replaced. */
  backoffMs: { first: 50, last: 5000 },
};

export type ThreadTimes = Readonly<typeof TIMES>;

export interface ThreadSettings
  extends Readonly<Required<ThreadedApp>>, ThreadTimes {
  /** As a URL. */
  readonly module: string;
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
  streamBodies: SWITCH,
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
export function threadSettings(
  app: ThreadedApp,
  times: Partial<ThreadTimes> = {},
): ThreadSettings {
  const options = checked(app);
  const timer = (ms: number): number => Math.min(ms, MAX_TIMER_MS);
  const { startTimeoutMs = 60_000, threadTimeoutMs = 30_000 } = options;
  const { abortGraceMs = 1_000, maxRequestsPerThread = Infinity } = options;
  return {
    ...TIMES,
    ...times,
    export: "default",
    threads: Math.max(8, 2 * availableParallelism()),
    maxQueuedRequests: 1024,
    streamBodies: false,
    maxRequestsJitter: maxRequestsPerThread / 10,
    maxHeapMb: 512,
    provide: {},
    ...options,
    maxRequestsPerThread,
    startTimeoutMs: timer(startTimeoutMs),
    abortGraceMs: timer(abortGraceMs),
    threadTimeoutMs: timer(threadTimeoutMs),
    module: urlOf(options.module),
  };
}

/** @throws {UsageError} also when there is no module. */
function checked(app: ThreadedApp): ThreadedApp {
  const options = checkOptions(app, RULES, "wsgi()");
  if (options.module === undefined)
    throw new UsageError(
      "wsgi() takes an application or { module }, the module that exports one",
    );
  return options as ThreadedApp;
}

/** What an error calls the module that has this URL. */
export const fileOf = (module: string): string =>
  module.startsWith("file:") ? fileURLToPath(module) : module;

function urlOf(module: string | URL): string {
  if (module instanceof URL || module.startsWith("file:"))
    return String(module);
  return String(pathToFileURL(resolve(module)));
}
