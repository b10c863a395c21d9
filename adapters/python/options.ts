/** The options of a Python application, which are checked before anything starts. */
import { existsSync } from "node:fs";
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

/** What an application of Python speaks with its server: WSGI (PEP 3333), or ASGI 3. */
export type Interface = "asgi" | "wsgi";

/** How a Python application is run. */
export interface PythonOptions {
  /**
   * Folder that the processes run in, and the first where Python looks for modules.
   *
   * @default the working directory
   */
  chdir?: string;
  /**
   * Folder of the virtual environment whose interpreter and packages are used.
   *
   * @default that of the variable `VIRTUAL_ENV`, which `activate` sets, unless `python` is given
   */
  venv?: string;
  /**
   * Further folders with modules, before those of `PYTHONPATH`.
   *
   * @default none
   */
  pythonPath?: readonly string[];
  /**
   * The interpreter, CPython 3.8 or later: a path, or a name to be found in `PATH`.
   *
   * @default that of `venv`, or else `"python3"`
   */
  python?: string;
  /**
   * Environment variables of the processes, on top of the gateway's own.
   *
   * @default none
   */
  env?: Readonly<Record<string, string>>;
  /**
   * What the application speaks: `"auto"` looks at it. What takes `scope`, `receive` and `send`, or is a coroutine
   * function, is ASGI 3; what takes one `scope` is ASGI 2, and adapted; all else is WSGI.
   *
   * @default "auto"
   */
  interface?: "auto" | Interface;
  /**
   * The event loop of applications with ASGI, one for each process: `"auto"` is uvloop's where that is installed.
   *
   * @default "auto"
   */
  loop?: "auto" | "asyncio" | "uvloop";
  /**
   * Requests that each process with ASGI runs at once; further ones wait in line. WebSockets count. For WSGI that is
   * `threads`.
   *
   * @default Infinity, as for Uvicorn: what sleeps costs little, and `maxConcurrent` of the loop holds for all
   */
  maxConcurrent?: number;
  /**
   * Processes, each with its own copy of the application. One for each core is right for applications that compute.
   *
   * @default 1, as for Gunicorn and uWSGI: only the operator knows how many copies the memory bears
   */
  processes?: number;
  /**
   * Requests that each process runs at once, in threads; those with ASGI have one event loop in place of them.
   *
   * @default 1, as for Gunicorn and uWSGI: not every application is made for more
   */
  threads?: number;
  /**
   * Whether each process imports the application itself.
   *
   * With `false` one process imports it, and the others are copies of that one (fork). They start at once, and share
   * its memory until they change it. They also share what the import has opened, such as connections, files and
   * locks, and they have none of the threads that the import has started.
   *
   * @default true, as for Gunicorn and for uWSGI's `lazy-apps`
   */
  lazyApps?: boolean;
  /**
   * Milliseconds in which a process has to import the application and to say that it serves. After that it has failed
   * to start, and the log has Python's traceback of every thread. `Infinity` for no limit.
   *
   * @default 60_000, which only an import of gigabytes takes, or one that is stuck
   */
  startTimeoutMs?: number;
  /**
   * Requests that wait for a thread, beyond those already given to one. A further one is answered 503 with
   * `retry-after`.
   *
   * @default 1024
   */
  maxQueuedRequests?: number;
  /**
   * Whether bodies stream, at the pace of the slower side: the application is called when 64 KiB of a body have come
   * and reads the rest as it comes, and gives its reply as its client takes it. A slow client then keeps a thread for
   * as long as it likes. For uploads that are looked at as they come, and replies that are made for as long as somebody
   * takes them.
   *
   * Without it a request gets a thread when its body is here, in memory and from 512 KiB on in a file; and what a slow
   * client does not take of a reply waits in a file, up to 64 MiB.
   *
   * @default false: clients must not be able to keep all threads
   */
  streamBodies?: boolean;
  /**
   * Milliseconds for which the application may run without giving a piece of its reply or taking one of the request.
   * They count from when its process was given the request, whether it has begun it or not. Time that it waits for its
   * client does not count. `Infinity` for no limit.
   *
   * After that the client gets 503, or a cut connection when the head is out; what was not begun goes to another
   * process. The log has Python's traceback of every thread, and the process is replaced.
   *
   * @default 30_000, as Gunicorn's `timeout`; uWSGI's `harakiri` counts seconds
   */
  harakiriMs?: number;
  /**
   * Milliseconds for which a request may go on when its client has left. After that its process is replaced, as soon as
   * its other threads are done. `Infinity` for no limit.
   *
   * @default 30_000: a client that leaves must not be able to cost a start of the process whenever it likes
   */
  abortGraceMs?: number;
  /**
   * Whether an exception is raised in the thread of a request whose client leaves. It is derived from
   * `BaseException`, so `except Exception` does not catch it. It can come anywhere, also between two steps that
   * belong together, and it does not end a call into C.
   *
   * @default false
   */
  interrupt?: boolean;
  /**
   * Requests after which a process is replaced by a fresh one, which starts first: for applications that leak.
   *
   * @default Infinity
   */
  maxRequests?: number;
  /**
   * Up to so many requests are taken off `maxRequests`, at random and for each process, so that they are not all
   * replaced at once.
   *
   * @default a tenth of `maxRequests`
   */
  maxRequestsJitter?: number;
}

export interface PythonSettings extends Readonly<
  Required<
    Omit<PythonOptions, "env" | "maxRequestsJitter" | "pythonPath" | "venv">
  >
> {
  /** The application by its name. */
  readonly app: string;
  readonly env: NodeJS.ProcessEnv;
  readonly maxRequestsJitter: number | undefined;
  readonly venv: string | undefined;
  /**
   * Milliseconds to exit in, for a process that was told to. Like what follows it is not an option; tests shorten it.
   */
  readonly exitMs: number;
  /** The same with ASGI, whose lifespan ends there: within the 5 s that a loop gives what it has opened. */
  readonly shutdownMs: number;
  /** Milliseconds before a worker that was lost at once, or did not start, is replaced: doubled up to the last. */
  readonly backoff: { readonly first: number; readonly last: number };
}

const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const oneOf = (...names: string[]): Rule => [
  (value) => names.includes(value as string),
  `one of ${names.join(", ")}`,
];

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
  interface: oneOf("auto", "asgi", "wsgi"),
  loop: oneOf("auto", "asyncio", "uvloop"),
  maxConcurrent: COUNT_OR_INFINITY,
  lazyApps: SWITCH,
  startTimeoutMs: AMOUNT,
  maxQueuedRequests: AMOUNT,
  streamBodies: SWITCH,
  harakiriMs: AMOUNT,
  abortGraceMs: AMOUNT,
  interrupt: SWITCH,
  maxRequests: COUNT_OR_INFINITY,
  maxRequestsJitter: AMOUNT,
};

/** `module`, `package.module:attribute.of.it`, `module:factory(x=2)`, `folder/app.py`, `app.wsgi:application`. */
const APP =
  /^([\p{L}_][\p{L}\p{N}_.]*|[^:]+\.(py|wsgi))(:[\p{L}_][\p{L}\p{N}_.]*(\(.*\))?)?$/su;

/** @throws {UsageError} naming an option that does not exist or has a bad value. */
export function pythonSettings(
  app: string,
  options: PythonOptions,
  internal: Partial<PythonSettings> = {},
): PythonSettings {
  if (typeof app !== "string" || !APP.test(app))
    throw new UsageError(
      `python() takes an application such as "app:app", a module or a file and a name in it, not ${JSON.stringify(app)}`,
    );
  const given = checkOptions(options, RULES, "python()");
  const venv =
    given.venv === undefined ? activeVenv(given) : resolve(given.venv);
  return {
    processes: 1,
    threads: 1,
    interface: "auto",
    loop: "auto",
    maxConcurrent: Infinity,
    lazyApps: true,
    maxQueuedRequests: 1024,
    streamBodies: false,
    harakiriMs: 30_000,
    interrupt: false,
    python: venv === undefined ? "python3" : join(venv, "bin/python"),
    maxRequests: Infinity,
    maxRequestsJitter: undefined,
    ...given,
    app,
    venv,
    chdir: resolve(given.chdir ?? "."),
    env: environment(given),
    startTimeoutMs: Math.min(given.startTimeoutMs ?? 60_000, MAX_TIMER_MS),
    abortGraceMs: Math.min(given.abortGraceMs ?? 30_000, MAX_TIMER_MS),
    exitMs: 2000,
    shutdownMs: 4500,
    backoff: { first: 100, last: 5000 },
    ...internal,
  };
}

/** That which `activate` names, also where it has not put it in front of `PATH`, as in a unit of systemd. */
function activeVenv({ python, env }: PythonOptions): string | undefined {
  const folder = env?.VIRTUAL_ENV ?? process.env.VIRTUAL_ENV;
  return python === undefined &&
    folder &&
    existsSync(join(folder, "bin/python"))
    ? folder
    : undefined;
}

function environment(options: PythonOptions): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.env };
  const folders = (options.pythonPath ?? []).map((folder) => resolve(folder));
  if (env.PYTHONPATH) folders.push(env.PYTHONPATH);
  if (folders.length > 0) env.PYTHONPATH = folders.join(delimiter);
  return env;
}
