/** A process of Python: what is common to all of them, and how one is started. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  areFilesWatched,
  isOneOfSeveral,
  MAX_TIMER_MS,
  PythonStartError,
  tellFiles,
  type PartStatus,
} from "../../lib/adapter.ts";
import { Lines } from "../common/lines.ts";
import type { PrintedLine } from "./levels.ts";
import type { PythonSettings } from "./options.ts";

const SCRIPT = fileURLToPath(
  new URL("./eddy_worker/__main__.py", import.meta.url),
);

/** Files that gateway and worker share, until both have them open. */
export const socketIn = (folder: string): string => join(folder, "socket");
export const stateIn = (folder: string): string => join(folder, "state");
/** Socket that a forked process connects its channels to. */
export const channelsIn = (folder: string): string => join(folder, "channels");

/** Removes a worker's folder, if it is there, file by file: there may be no descriptor left to list them. */
export function removeFolder(folder: string): void {
  for (const nameIn of [socketIn, stateIn, channelsIn])
    rmSync(nameIn(folder), { force: true });
  if (existsSync(folder)) rmdirSync(folder);
}

/** A process, whether started or forked. */
export interface PythonProcess {
  /** Undefined while there is no process, or if there never was. */
  readonly pid: number | undefined;
  kill(signal: NodeJS.Signals): void;
  /** Writes on the control channel. */
  tell(text: string): void;
  /** Ends the control channel. */
  end(): void;
}

export function statusOf(
  { pid }: PythonProcess,
  state: string,
  inFlight: number,
): PartStatus {
  const rss = pid === undefined ? undefined : residentBytes(pid);
  return { name: String(pid ?? "none yet"), state, inFlight, rss };
}

/** Undefined where the system does not tell, or the process has ended (proc(5)). */
function residentBytes(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** Starts the process of a worker with this folder. */
export type Launch = (folder: string, events: ProcessEvents) => PythonProcess;

/** What is told of a process. */
export interface ProcessEvents {
  /** It has printed a line, or this is why it does not start. */
  line(text: string): void;
  /** It has printed a line on standard error. */
  errorLine(text: string): void;
  /** A line has come on the control channel. "ready" says that it has started. */
  control(text: string): void;
  /** It has ended. Its last output may still come. */
  exited(): void;
  /** It has ended, and all of its output was read. `exit`: how; undefined when there was no process. */
  ended(exit: string | undefined): void;
}

/** Milliseconds in which the last output of a process is read, once it has ended. */
const LAST_OUTPUT_MS = 200;

/** Milliseconds in which a process prints where its threads are, when it gets SIGUSR1. */
export const TRACEBACK_MS = 200;

/** The argument of a worker, for `main()` in eddy_worker/main.py. */
export function workerConfig(settings: PythonSettings, folder: string): object {
  const { app, threads, processes, interrupt, loop, abortGraceMs } = settings;
  const abortGrace = abortGraceMs < MAX_TIMER_MS ? abortGraceMs / 1000 : null;
  const forAll = { app, interface: settings.interface, folder, interrupt };
  const multiprocess = processes > 1 || isOneOfSeveral();
  return { ...forAll, threads, multiprocess, loop, abortGrace };
}

/** Starts a process, which imports the application itself. */
export function startProcess(
  settings: PythonSettings,
  config: object,
  events: ProcessEvents,
): PythonProcess {
  const { python, chdir, env } = settings;
  const argument = { ...config, watched: areFilesWatched() };
  const child = spawn(python, [SCRIPT, JSON.stringify(argument)], {
    cwd: chdir,
    env,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  child.on("error", (error) => events.line(reasonFor(error, settings)));
  if (child.pid === undefined) {
    child.on("error", () => events.ended(undefined));
    return NO_PROCESS;
  }
  const control = child.stdio[3] as Socket;
  const output = [child.stdout as Socket, child.stderr as Socket];
  events = limitStart(settings, events, (signal) => child.kill(signal));
  onLine(control, (text) => hear(text, events));
  onLine(output[0]!, (text) => events.line(text));
  onLine(output[1]!, (text) => events.errorLine(text));
  child.on("exit", () => {
    for (const channel of [control, ...output]) endSoon(channel);
    events.exited();
  });
  child.on("close", (code, signal) =>
    events.ended(signal ?? `exit code ${code}`),
  );
  return {
    pid: child.pid,
    kill: (signal) => void child.kill(signal),
    tell: (text) => void control.write(text),
    end: () => void control.end(),
  };
}

/** `file …` says what the application is made of, or lacks. */
export function hear(text: string, events: ProcessEvents): void {
  if (text.startsWith("file ")) tellFiles([text.slice("file ".length)]);
  else events.control(text);
}

/** One that could not be started. Without free descriptors it has not even channels. */
const NO_PROCESS: PythonProcess = {
  pid: undefined,
  kill() {},
  tell() {},
  end() {},
};

export type Kill = (signal: NodeJS.Signals) => void;

/**
 * Kills a process that does not say in time that it is ready, once it has printed where it is. What is told of the
 * process has to be told to what this returns.
 */
export function limitStart(
  { startTimeoutMs }: PythonSettings,
  events: ProcessEvents,
  kill: Kill,
): ProcessEvents {
  let next = setTimeout(() => {
    events.line(
      `it is not ready after ${startTimeoutMs} ms (startTimeoutMs), and this is where it was:`,
    );
    kill("SIGUSR1");
    next = setTimeout(() => kill("SIGKILL"), TRACEBACK_MS);
  }, startTimeoutMs);
  return {
    ...events,
    control(text) {
      if (text === "ready") clearTimeout(next);
      events.control(text);
    },
    exited() {
      clearTimeout(next);
      events.exited();
    },
    ended(exit) {
      clearTimeout(next);
      events.ended(exit);
    },
  };
}

export function onLine(stream: Socket, listener: (text: string) => void): void {
  const lines = new Lines(listener);
  stream
    .setEncoding("utf8")
    .on("data", (text: string) => lines.push(text))
    .on("close", () => lines.flush())
    .on("error", () => {}); // the process has ended, which is noticed anyway
}

/** Ends a channel whose process has ended. By itself it would stay while a child of that process has it open, too. */
export function endSoon(channel: Socket): void {
  if (channel.closed) return;
  const late = setTimeout(() => channel.destroy(), LAST_OUTPUT_MS);
  channel.once("close", () => clearTimeout(late));
}

/** The system says ENOENT for a folder and for a program alike. */
function reasonFor(error: Error, settings: PythonSettings): string {
  const { chdir, python, venv } = settings;
  if (!statSync(chdir, { throwIfNoEntry: false })?.isDirectory())
    return `there is no folder ${chdir}; see the option chdir`;
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error.message;
  return venv === undefined
    ? `there is no interpreter ${python}; install Python 3.8 or later, or see the option python`
    : `there is no virtual environment at ${venv}, as there is no ${python}; see the option venv`;
}

/** Characters that are kept of what a process prints before it is ready. */
const MAX_OUTPUT = 16 * 1024;

/** What a process prints before it is ready, such as a traceback: the last lines, as many as fit. */
export class StartupOutput {
  readonly #lines: PrintedLine[] = [];
  #length = 0;

  add(line: PrintedLine): void {
    this.#length += line.text.length;
    this.#lines.push(line);
    while (this.#length > MAX_OUTPUT && this.#lines.length > 1)
      this.#length -= this.#lines.shift()!.text.length;
  }

  takeAll(): PrintedLine[] {
    this.#length = 0;
    return this.#lines.splice(0);
  }
}

/** `exit`: how it has ended; undefined when there was no process. */
export function startError(
  { app, python, chdir }: PythonSettings,
  exit: string | undefined,
  output: readonly PrintedLine[],
): PythonStartError {
  const how = exit === undefined ? "" : ` (${exit})`;
  return new PythonStartError(
    `the Python application ${app} does not start${how}, by ${python} in ${chdir}:\n${output.map(({ text }) => text).join("\n")}`,
  );
}
