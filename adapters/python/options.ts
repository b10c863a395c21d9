/** What a Python application is run with, and what of it is checked before anything starts. */
import { delimiter, join, resolve } from "node:path";
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
} from "../../lib/adapter.ts";

/** How a Python application is run. */
export interface PythonOptions {
  /** Folder that the processes run in, and the first that Python looks for modules in. Default: the working directory. */
  chdir?: string;
  /** Folder of the virtual environment whose interpreter and packages are used. Default: none. */
  venv?: string;
  /** Further folders with modules, before those of `PYTHONPATH`. Default: none. */
  pythonPath?: readonly string[];
  /** The interpreter, CPython 3.8 or later: a path, or a name to be found in `PATH`. Default: that of `venv`, or else `"python3"`. */
  python?: string;
  /** Environment variables of the processes, on top of the gateway's own. */
  env?: Readonly<Record<string, string>>;
  /** Processes, each with its own copy of the application. Default 1, as Gunicorn and uWSGI have it: how many copies the memory bears, only the operator knows. One for each core is right for applications that compute. */
  processes?: number;
  /** Requests that each process runs at once, in threads. Default 1, as Gunicorn and uWSGI have it: not every application is made for more. */
  threads?: number;
  /** Each process imports the application itself. `false`: one process imports it, and the others are copies of that one (fork), which start at once and share its memory until they change it. What the import has opened (connections, files, locks) they share as well, and they have none of the threads that it has started. Default `true`, as Gunicorn and uWSGI's `lazy-apps` have it. */
  lazyApps?: boolean;
  /** Milliseconds in which a process has to import the application; then the log has Python's traceback of every thread, and it has failed to start. `Infinity` for any. Default 60,000: more than any import takes that is not stuck, but for one that loads gigabytes. */
  startTimeoutMs?: number;
  /** Requests that wait for a thread, beyond those already given to one; a further one is answered 503 with `retry-after`. Default 1024. */
  maxQueuedRequests?: number;
  /** Milliseconds for which the application may run without giving a piece of its reply or taking one of the request; then the client gets 503, or a cut connection when the head is out, the log Python's traceback of every thread, and the process is replaced. What it waits for its client does not count. `Infinity` for any. Default 30,000, as Gunicorn's `timeout`. uWSGI's `harakiri` counts seconds. */
  harakiriMs?: number;
  /** Milliseconds that a request may go on when its client has left; then its process is replaced as soon as its other threads are done. `Infinity` lets it finish. Default 30,000: a client that leaves must not be able to cost a start of the process whenever it likes. */
  abortGraceMs?: number;
  /** When the client leaves, raises an exception in the thread of its request, which is no `Exception` and so is not caught by chance. Default false: it can come anywhere, also between two steps that belong together, and does not end a call into C. */
  interrupt?: boolean;
  /** Requests after which a process is replaced by a fresh one, which starts first: for applications that leak. Default `Infinity`. */
  maxRequests?: number;
  /** Up to so many requests are taken off `maxRequests`, by chance and for each process, so that they are not all replaced at once. Default a tenth. */
  maxRequestsJitter?: number;
}

export interface PythonSettings {
  /** The application by its name. */
  readonly app: string;
  readonly chdir: string;
  readonly venv: string | undefined;
  readonly python: string;
  readonly env: NodeJS.ProcessEnv;
  readonly processes: number;
  readonly threads: number;
  readonly lazyApps: boolean;
  readonly startTimeoutMs: number;
  readonly maxQueuedRequests: number;
  readonly harakiriMs: number;
  readonly abortGraceMs: number;
  readonly interrupt: boolean;
  readonly maxRequests: number;
  readonly maxRequestsJitter: number | undefined;
  /** Milliseconds to exit in, for a process that was told to. Not an option; tests make it short. */
  readonly exitMs: number;
}

const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const RULES: Record<keyof PythonOptions, Rule> = {
  chdir: TEXT,
  venv: TEXT,
  pythonPath: [
    (value) => Array.isArray(value) && value.every(TEXT[0]),
    "a list of folders",
  ],
  python: TEXT,
  env: [
    (value) =>
      isRecord(value) &&
      Object.values(value).every((one) => typeof one === "string"),
    "an object of texts",
  ],
  processes: COUNT,
  threads: [
    (value) => COUNT[0](value) && (value as number) <= 1000,
    "a whole number from 1 to 1000",
  ],
  lazyApps: SWITCH,
  startTimeoutMs: AMOUNT,
  maxQueuedRequests: AMOUNT,
  harakiriMs: AMOUNT,
  abortGraceMs: AMOUNT,
  interrupt: SWITCH,
  maxRequests: COUNT_OR_INFINITY,
  maxRequestsJitter: AMOUNT,
};

/** `module`, `package.module:attribute.of.it`, `module:factory()`. */
const APP = /^[\p{L}_][\p{L}\p{N}_.]*(:[\p{L}_][\p{L}\p{N}_.]*(\(\))?)?$/u;

/** @throws {UsageError} naming an option that does not exist or has a bad value. */
export function pythonSettings(
  app: string,
  options: PythonOptions,
  internal: Partial<PythonSettings> = {},
): PythonSettings {
  if (typeof app !== "string" || !APP.test(app))
    throw new UsageError(
      `python() takes an application such as "app:app", a module and a name in it, not ${JSON.stringify(app)}`,
    );
  const { pythonPath, env, chdir, venv, ...given } = checkOptions(
    options,
    RULES,
    "python()",
  );
  return {
    processes: 1,
    threads: 1,
    lazyApps: true,
    maxQueuedRequests: 1024,
    interrupt: false,
    python: venv === undefined ? "python3" : join(resolve(venv), "bin/python"),
    maxRequests: Infinity,
    maxRequestsJitter: undefined,
    ...given,
    app,
    venv: venv === undefined ? undefined : resolve(venv),
    chdir: resolve(chdir ?? "."),
    env: environment(env, pythonPath),
    startTimeoutMs: Math.min(given.startTimeoutMs ?? 60_000, MAX_TIMER_MS),
    harakiriMs: Math.min(given.harakiriMs ?? 30_000, MAX_TIMER_MS),
    abortGraceMs: Math.min(given.abortGraceMs ?? 30_000, MAX_TIMER_MS),
    exitMs: 2000,
    ...internal,
  };
}

function environment(
  env: PythonOptions["env"],
  pythonPath: readonly string[] = [],
): NodeJS.ProcessEnv {
  const all: NodeJS.ProcessEnv = { ...process.env, ...env };
  const folders = pythonPath.map((folder) => resolve(folder));
  if (all.PYTHONPATH) folders.push(all.PYTHONPATH);
  if (folders.length > 0) all.PYTHONPATH = folders.join(delimiter);
  return all;
}
