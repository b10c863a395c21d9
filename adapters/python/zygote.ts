/** Workers that are forked from one process, which imports the application once: `lazyApps: false`. */
import { createServer, type Server, type Socket } from "node:net";
import { withResolvers } from "eddy/operations";
import type { Logger, PartStatus } from "../../lib/adapter.ts";
import { ErrorLevels, type PrintedLine } from "./levels.ts";
import type { PythonSettings } from "./options.ts";
import {
  channelsIn,
  endSoon,
  hear,
  limitStart,
  onLine,
  startError,
  startProcess,
  statusOf,
  StartupOutput,
  workerConfig,
  type Kill,
  type ProcessEvents,
  type PythonProcess,
} from "./process.ts";

/** `ending`: forks no more, and stays to see its forks end. */
type State = "starting" | "ready" | "ending" | "dead";

/** The process that imports the application. */
export class Zygote {
  /** Done when the application is loaded; fails when it cannot be. */
  readonly ready = withResolvers<void>();
  /** Done when the process has ended. */
  readonly gone = withResolvers<void>();
  readonly #settings: PythonSettings;
  readonly #log: Logger;
  readonly #process: PythonProcess;
  readonly #output = new StartupOutput();
  readonly #errorLevels = new ErrorLevels();
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
      line: (text) => this.#print({ level: "info", text }),
      errorLine: (text) =>
        this.#print({ level: this.#errorLevels.next(text), text }),
      control: (text) => this.#receive(text),
      exited: () => {}, // its forks are told when all was read that it has to say of them
      ended: (exit) => this.#die(exit),
    });
  }

  /** It serves nothing. */
  status(): PartStatus {
    const state = this.#state === "ready" ? "forks" : this.#state;
    return statusOf(this.#process, state, 0);
  }

  get dead(): boolean {
    return this.#state === "dead";
  }

  /** A process that it forks, as soon as it is ready. */
  fork(folder: string, events: ProcessEvents): PythonProcess {
    const fork = new ForkedProcess(this, folder, events);
    this.#forks.add(fork);
    if (this.#state === "ready") fork.begin();
    return fork;
  }

  /** Tells the process to fork this one. */
  order(fork: ForkedProcess): void {
    this.#ordered.push(fork);
    this.tell(workerConfig(this.#settings, fork.folder));
  }

  /** The clock of a fork that is ordered now. One that is never made has a zygote that hangs. */
  limitStart(events: ProcessEvents, kill: Kill): ProcessEvents {
    return limitStart(this.#settings, events, kill);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** `order`: as eddy_worker/zygote.py takes it. */
  tell(order: object): void {
    this.#process.tell(`${JSON.stringify(order)}\n`);
  }

  /** Nothing of the fork is left. */
  remove(fork: ForkedProcess): void {
    this.#forks.delete(fork);
    this.#endIfAlone();
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
    const { exitMs } = this.#settings;
    this.#kill = setTimeout(() => this.#process.kill("SIGKILL"), exitMs);
  }

  #print(line: PrintedLine): void {
    if (this.#state === "starting") this.#output.add(line);
    else this.#log[line.level]({ pythonPid: this.#process.pid }, line.text);
  }

  #receive(text: string): void {
    const [word, ...rest] = text.split(" ");
    if (word === "ready") this.#begin();
    else if (word === "forked") this.#ordered.shift()!.forked(Number(rest[0]));
    else if (word === "unforked") this.#ordered.shift()!.fail(rest.join(" "));
    else if (word === "exit")
      this.#exited(Number(rest[0]), rest.slice(1).join(" "));
  }

  #begin(): void {
    this.#state = "ready";
    for (const line of this.#output.takeAll()) this.#print(line);
    for (const fork of this.#forks) fork.begin();
    this.ready.resolve();
  }

  #exited(pid: number, exit: string): void {
    for (const fork of this.#forks) if (fork.pid === pid) fork.exited(exit);
  }

  /** Its forks end as well, as nobody else would notice when they do. `exit`: undefined when there was no process. */
  #die(exit: string | undefined): void {
    clearTimeout(this.#kill);
    const output = this.#output.takeAll();
    this.#state = "dead";
    for (const fork of this.#forks) fork.orphaned(exit, output);
    this.ready.reject(startError(this.#settings, exit, output));
    this.gone.resolve();
  }
}

/** What comes on the channels of a fork, in the order in which it connects them. */
const CHANNELS = [
  hear,
  (text: string, events: ProcessEvents) => events.line(text),
  (text: string, events: ProcessEvents) => events.errorLine(text),
];

/** Assumed where nobody has seen how the process ended. */
const UNSEEN_EXIT = "SIGKILL";

/** A process that is forked. It connects its channels to the gateway, which has not started it itself. */
class ForkedProcess implements PythonProcess {
  pid: number | undefined;
  readonly folder: string;
  readonly #zygote: Zygote;
  #events: ProcessEvents;
  /** The process connects its control channel, its output and its errors to it. */
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #exit: string | undefined;
  #over = false;
  /** For a process that is ordered and not there yet. */
  #pendingSignal: NodeJS.Signals | undefined;

  constructor(zygote: Zygote, folder: string, events: ProcessEvents) {
    this.folder = folder;
    this.#zygote = zygote;
    this.#events = events;
    this.#server = createServer((socket) => this.#accept(socket))
      .on("listening", () => zygote.order(this))
      .on("error", (error) => this.fail(error.message));
  }

  /** The zygote is ready. */
  begin(): void {
    if (this.#over) return;
    this.#server.listen(channelsIn(this.folder));
    this.#events = this.#zygote.limitStart(this.#events, (signal) =>
      this.pid === undefined ? this.#zygote.kill(signal) : this.kill(signal),
    );
  }

  forked(pid: number): void {
    this.pid = pid;
    if (this.#pendingSignal !== undefined) this.kill(this.#pendingSignal);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#exit !== undefined) return;
    if (this.pid !== undefined) this.#zygote.tell({ kill: this.pid, signal });
    else if (this.#server.listening) this.#pendingSignal = signal;
    else this.exited(UNSEEN_EXIT); // it was not ordered yet
  }

  tell(text: string): void {
    this.#sockets[0]?.write(text);
  }

  end(): void {
    this.#sockets[0]?.end();
  }

  /** There will be no process. */
  fail(reason: string): void {
    this.#events.line(reason);
    this.#finish(undefined);
  }

  exited(exit: string): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    for (const socket of this.#sockets) endSoon(socket);
    this.#events.exited();
    this.#settle();
  }

  /** The zygote has ended. `exit`: undefined when it has never been there. */
  orphaned(exit: string | undefined, output: readonly PrintedLine[]): void {
    if (this.pid !== undefined) {
      if (this.#exit === undefined) killIfRunning(this.pid);
      return this.exited(UNSEEN_EXIT);
    }
    for (const { text } of output) this.#events.line(text);
    if (exit === undefined) this.#finish(undefined);
    else this.exited(exit);
  }

  #accept(socket: Socket): void {
    const take = CHANNELS[this.#sockets.length]!;
    this.#sockets.push(socket);
    onLine(socket, (text) => take(text, this.#events));
    socket.on("close", () => this.#settle());
    if (this.#sockets.length === 3) this.#server.close();
  }

  /** Tells of the end when all of the output was read. */
  #settle(): void {
    if (this.#exit === undefined || this.#over) return;
    if (this.#sockets.every(({ closed }) => closed)) this.#finish(this.#exit);
  }

  #finish(exit: string | undefined): void {
    this.#over = true;
    this.#server.close();
    this.#events.ended(exit);
    this.#zygote.remove(this);
  }
}

function killIfRunning(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
