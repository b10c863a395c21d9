/** The process that imports the application once, and forks each worker: `lazyApps: false`. */
import { constants } from "node:os";
import { withResolvers } from "eddy/operations";
import type { Logger } from "../../lib/adapter.ts";
import { ForkedProcess } from "./forked-process.ts";
import type { PythonSettings } from "./options.ts";
import {
  startError,
  startProcess,
  workerConfig,
  type ExitStatus,
  type ProcessEvents,
  type PythonProcess,
} from "./process.ts";
import { StartupOutput } from "./startup-output.ts";

/** `ending`: forks no more, and stays to see its forks end. */
type State = "starting" | "ready" | "ending" | "dead";

export class Zygote {
  /** Done when the application is loaded; fails when it cannot be. */
  readonly ready = withResolvers<void>();
  /** Done when the process has ended. */
  readonly gone = withResolvers<void>();
  readonly #settings: PythonSettings;
  readonly #log: Logger;
  readonly #process: PythonProcess;
  readonly #output = new StartupOutput();
  readonly #forks = new Set<ForkedProcess>();
  /** Those that it was told to fork and has not yet; it goes by the order. */
  readonly #ordered: ForkedProcess[] = [];
  #state: State = "starting";
  #kill: NodeJS.Timeout | undefined;

  constructor(settings: PythonSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    const config = { app: settings.app, zygote: true };
    this.#process = startProcess(settings, config, {
      line: (text) => this.#print(text),
      control: (text) => this.#receive(text),
      failed: (reason) => {
        this.#output.add(reason);
        this.#die(undefined);
      },
      exited: () => {}, // its forks are told when all was read that it has to say of them
      ended: (exit) => this.#die(exit),
    });
  }

  get dead(): boolean {
    return this.#state === "dead";
  }

  /** A process that it forks, as soon as it is ready. */
  fork(folder: string, events: ProcessEvents): PythonProcess {
    const config = workerConfig(this.#settings, folder);
    const fork: ForkedProcess = new ForkedProcess(folder, events, {
      order: (channels) => {
        this.#ordered.push(fork);
        this.#tell({ ...config, channels });
      },
      kill: (pid, signal) =>
        this.#tell({ kill: pid, signal: constants.signals[signal] }),
      gone: () => {
        this.#forks.delete(fork);
        this.#endIfAlone();
      },
    });
    this.#forks.add(fork);
    if (this.#state === "ready") fork.begin();
    return fork;
  }

  /** Ends behind the last of its forks. */
  end(): void {
    if (this.#state === "starting") this.#process.kill("SIGKILL");
    if (this.#state !== "ready") return;
    this.#state = "ending";
    this.#endIfAlone();
  }

  #endIfAlone(): void {
    if (this.#state !== "ending" || this.#forks.size > 0) return;
    this.#process.end();
    this.#kill = setTimeout(
      () => this.#process.kill("SIGKILL"),
      this.#settings.exitMs,
    );
  }

  #tell(order: object): void {
    this.#process.tell(`${JSON.stringify(order)}\n`);
  }

  #print(text: string): void {
    if (this.#state === "starting") this.#output.add(text);
    else this.#log.info({ pid: this.#process.pid }, text);
  }

  #receive(text: string): void {
    const [word, ...rest] = text.split(" ");
    if (word === "ready") this.#begin();
    else if (word === "forked") this.#ordered.shift()!.forked(Number(rest[0]));
    else if (word === "unforked") this.#ordered.shift()!.fail(rest.join(" "));
    else if (word === "exit") this.#ended(Number(rest[0]), Number(rest[1]));
  }

  #begin(): void {
    this.#state = "ready";
    for (const line of this.#output.takeAll()) this.#print(line);
    for (const fork of this.#forks) fork.begin();
    this.ready.resolve();
  }

  #ended(pid: number, status: number): void {
    for (const fork of this.#forks)
      if (fork.pid === pid) fork.exited(exitStatusOf(status));
  }

  /** Its forks end as well, as nobody else would notice when they do. `exit`: undefined when there was no process. */
  #die(exit: ExitStatus | undefined): void {
    if (this.#state === "dead") return;
    clearTimeout(this.#kill);
    const output = this.#output.takeAll();
    this.#state = "dead";
    for (const fork of this.#forks) fork.orphaned(exit, output);
    this.ready.reject(startError(this.#settings, exit, output));
    this.gone.resolve();
  }
}

/** As wait(2) has it. */
function exitStatusOf(status: number): ExitStatus {
  const number = status & 0x7f;
  if (number === 0) return { code: status >> 8, signal: null };
  const [signal] =
    Object.entries(constants.signals).find(([, value]) => value === number) ??
    [];
  return { code: null, signal: (signal ?? "SIGKILL") as NodeJS.Signals };
}
