/** Starts Python, or says why there is none. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, rmdirSync, rmSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { PythonStartError } from "../../lib/adapter.ts";
import type { PythonSettings } from "./options.ts";

const SCRIPT = fileURLToPath(new URL("./worker.py", import.meta.url));

/** What gateway and worker have in common, until both have it open. */
export const socketIn = (folder: string): string => join(folder, "socket");
export const stateIn = (folder: string): string => join(folder, "state");
/** Where a copy announces itself. */
export const birthIn = (folder: string): string => join(folder, "birth");

/** Removes a worker's folder, if it is there, by the names in it: there may be no descriptor left to look what they are. */
export function removeFolder(folder: string): void {
  for (const nameIn of [socketIn, stateIn, birthIn])
    rmSync(nameIn(folder), { force: true });
  if (existsSync(folder)) rmdirSync(folder);
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of Python, however it came to be. */
export interface Process {
  /** Undefined while there is none, or if there never was. */
  readonly pid: number | undefined;
  kill(signal: NodeJS.Signals): void;
  /** Writes on its control channel. */
  tell(text: string): void;
  /** Ends that channel. */
  end(): void;
}

/** Who hears of it. */
export interface Hears {
  /** A line that it has printed. */
  line(text: string): void;
  /** A line on its control channel. The first is "ready". */
  control(text: string): void;
  /** There is none, and will be none. */
  failed(reason: string): void;
  /** It has ended; what it has said last may still come. */
  exited(): void;
  /** It has ended, and all that it has said was heard. */
  ended(exit: Exit): void;
}

/** Milliseconds in which what an ended process has said is read. */
const LAST_WORDS_MS = 200;

/** Starts a worker whose folder this is. */
export type Launch = (folder: string, hears: Hears) => Process;

/** What a worker is to do, for `main()` in worker.py. */
export function workerConfig(settings: PythonSettings, folder: string): object {
  const { app, threads, processes, interrupt } = settings;
  return {
    app,
    threads,
    interrupt,
    socket: socketIn(folder),
    state: stateIn(folder),
    multiprocess: processes > 1,
  };
}

/** Milliseconds in which a process writes down where its threads are, when it gets SIGUSR1. */
export const TRACEBACK_MS = 200;

/** A process of its own, which imports the application itself. */
export function launch(
  settings: PythonSettings,
  config: object,
  hears: Hears,
): Process {
  const { python, chdir, env } = settings;
  const child = spawn(python, [SCRIPT, JSON.stringify(config)], {
    cwd: chdir,
    env,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  child.on("error", (error) => hears.failed(reasonFor(error, settings)));
  if (!hasChannels(child)) return NONE;
  const control = child.stdio[3] as Socket;
  const output = [child.stdout as Socket, child.stderr as Socket];
  const started = limitStart(child, settings.startTimeoutMs, hears);
  hearLines(control, (text) => {
    started();
    hears.control(text);
  });
  for (const stream of output) hearLines(stream, (text) => hears.line(text));
  child.on("exit", () => {
    started();
    for (const channel of [control, ...output]) endSoon(channel);
    hears.exited();
  });
  child.on("close", (code, signal) => hears.ended({ code, signal }));
  return {
    get pid() {
      return child.pid;
    },
    kill: (signal) => void child.kill(signal),
    tell: (text) => void control.write(text),
    end: () => void control.end(),
  };
}

/** Not when there are no descriptors left for them. The types do not know that, and "error" says it later. */
const hasChannels = ({ stdio }: { stdio: unknown }): boolean =>
  stdio !== undefined;

/** What could not be started. */
const NONE: Process = { pid: undefined, kill() {}, tell() {}, end() {} };

/** An import that does not end is one that fails: it says where it is, and is killed. What is returned is to be called when it is over. */
function limitStart(
  child: ChildProcess,
  startTimeoutMs: number,
  hears: Hears,
): () => void {
  let next = setTimeout(() => {
    hears.line(
      `it is not ready after ${startTimeoutMs} ms (startTimeoutMs), and this is where it was:`,
    );
    child.kill("SIGUSR1");
    next = setTimeout(() => child.kill("SIGKILL"), TRACEBACK_MS);
  }, startTimeoutMs);
  return () => clearTimeout(next);
}

export function hearLines(stream: Socket, hear: (text: string) => void): void {
  stream.on("error", () => {}); // the process has ended, which is noticed anyway
  createInterface(stream).on("line", hear);
}

/** A channel whose process has ended. It would not end while a child of that process has it open, too. */
export function endSoon(channel: Socket): void {
  if (channel.closed) return;
  const late = setTimeout(() => channel.destroy(), LAST_WORDS_MS);
  channel.once("close", () => clearTimeout(late));
}

/** The system says ENOENT for a folder and for a program alike. */
function reasonFor(
  error: Error,
  { chdir, python, venv }: PythonSettings,
): string {
  if (!statSync(chdir, { throwIfNoEntry: false })?.isDirectory())
    return `there is no folder ${chdir}; see the option chdir`;
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error.message;
  return venv === undefined
    ? `there is no interpreter ${python}; install Python 3.8 or later, or see the option python`
    : `there is no virtual environment at ${venv}, as there is no ${python}; see the option venv`;
}

/** `exit`: undefined where there was no process. */
export function startError(
  { app, python, chdir }: PythonSettings,
  exit: Exit | undefined,
  said: readonly string[],
): PythonStartError {
  const how = exit === undefined ? "" : ` (${describe(exit)})`;
  return new PythonStartError(
    `the Python application ${app} does not start${how}, by ${python} in ${chdir}:\n${said.join("\n")}`,
  );
}

export const describe = ({ code, signal }: Exit): string =>
  signal === null ? `exit code ${code}` : signal;
