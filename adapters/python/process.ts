/** A worker: one process of Python, from its start to its exit. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { withResolvers } from "eddy/operations";
import {
  makePrivateFolder,
  PythonLostError,
  PythonTimeoutError,
  randomLifetime,
  type Logger,
} from "../../lib/adapter.ts";
import type { Call } from "./call.ts";
import { Connection, type Owner } from "./connection.ts";
import {
  describe,
  removeFolder,
  socketIn,
  startError,
  stateIn,
  TRACEBACK_MS,
  type Exit,
  type Launch,
  type Process,
} from "./launch.ts";
import type { PythonSettings } from "./options.ts";
import { Said } from "./said.ts";
import { SharedState } from "./shared-state.ts";

/** Who gives a worker its requests. */
export interface Keeper {
  readonly settings: PythonSettings;
  readonly log: Logger;
  free(connection: Connection): void;
  again(calls: readonly Call[]): void;
  flushLater(connection: Connection): void;
  /** It is to be given nothing more. */
  remove(worker: Worker): void;
}

/** Shared memory where there is some, and a short path: that of a socket has 107 bytes at most. */
const FOLDER = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Milliseconds to exit in, for one that was told to. */
const EXIT_MS = 2000;

/** Both sides count requests in 32 bits. */
const MAX_REQUESTS = 2 ** 31;

/** `ready`: serves. `leaving`: is given nothing more, finishes what it has. `dead`: the process has ended. */
type State = "starting" | "ready" | "leaving" | "dead";

export class Worker implements Owner {
  /** Done when the application is loaded; fails when it cannot be. */
  readonly ready = withResolvers<void>();
  /** Done when it should be replaced, or has to be. */
  readonly leaving = withResolvers<"asked" | "lost">();
  /** Done when the process has ended, and all that it has said is dealt with. */
  readonly gone = withResolvers<void>();
  readonly state: SharedState;
  readonly harakiriMs: number;
  readonly abortGraceMs: number;
  readonly #keeper: Keeper;
  /** Requests after which it is replaced. */
  readonly #limit: number;
  /** For the socket and the state file; gone as soon as both sides have them open. */
  readonly #folder = makePrivateFolder(FOLDER, "python");
  readonly #process: Process;
  readonly #connections: Connection[] = [];
  /** Requests so far. */
  #served = 0;
  #state: State = "starting";
  #open = 0;
  #closed = 0;
  #ended = false;
  #exit: Exit | undefined;
  /** What it has said, until it is ready. */
  readonly #said = new Said();
  #timedOut = false;
  #kill: NodeJS.Timeout | undefined;

  constructor(keeper: Keeper, launch: Launch) {
    const { settings } = keeper;
    this.#keeper = keeper;
    this.harakiriMs = settings.harakiriMs;
    this.abortGraceMs = settings.abortGraceMs;
    const { maxRequests, maxRequestsJitter } = settings;
    this.#limit = Math.min(
      randomLifetime(maxRequests, maxRequestsJitter),
      MAX_REQUESTS,
    );
    this.state = this.#share();
    this.#process = launch(this.#folder, {
      line: (text) => this.#hear(text),
      control: () => this.#connect(),
      failed: (reason) => {
        this.#said.add(reason);
        this.#end(undefined);
      },
      exited: () => this.#exited(),
      ended: (exit) => this.#end(exit),
    });
  }

  #share(): SharedState {
    try {
      return new SharedState(
        stateIn(this.#folder),
        this.#keeper.settings.threads,
      );
    } catch (error) {
      removeFolder(this.#folder);
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get connections(): readonly Connection[] {
    return this.#connections;
  }

  /** A request was given to it. */
  count(): void {
    if (++this.#served >= this.#limit) this.leaving.resolve("asked");
  }

  /** Is given nothing more, and ends when it has nothing to do, at the latest two seconds after that. */
  retire(): void {
    if (this.#state !== "ready") return;
    this.#state = "leaving";
    for (const connection of this.#connections) this.free(connection);
  }

  /** Ends now if it can, and at the latest in two seconds. */
  end(): void {
    if (this.#state === "dead" || this.#kill !== undefined) return;
    if (this.#state === "starting") return this.#process.kill("SIGKILL");
    this.#state = "leaving";
    for (const connection of this.#connections) connection.end();
    this.#killIn(EXIT_MS);
  }

  opened(): void {
    if (++this.#open < this.#keeper.settings.threads) return;
    removeFolder(this.#folder);
    this.#state = "ready";
    for (const line of this.#said.take()) this.#say(line);
    this.ready.resolve();
  }

  free(connection: Connection): void {
    if (this.#state === "ready") this.#keeper.free(connection);
    else if (connection.idle) connection.end();
  }

  again(calls: readonly Call[]): void {
    this.#keeper.again(calls);
  }

  flushLater(connection: Connection): void {
    this.#keeper.flushLater(connection);
  }

  /** As uWSGI's harakiri: where each thread is goes to the log, then the process is killed. */
  overrun(_connection: Connection, call: Call): void {
    if (this.#timedOut) return;
    this.#timedOut = true;
    this.#lose();
    const error = new PythonTimeoutError(this.harakiriMs);
    call.request.log.error(
      { pid: this.pid },
      `${call.line}: ${error.message}; its process is replaced, and this is where it was:`,
    );
    call.fail(error);
    this.#process.kill("SIGUSR1");
    this.#killIn(TRACEBACK_MS);
  }

  clientGone({ slot }: Connection, number: number): void {
    if (this.#keeper.settings.interrupt && !this.#ended)
      this.#process.tell(`${slot} ${number}\n`);
  }

  /** It leaves as soon as nobody waits for its other threads. */
  runsOn(_connection: Connection, call: Call): void {
    call.request.log.warn(
      { pid: this.pid },
      `${call.line} went on for ${this.abortGraceMs} ms after its client had left (abortGraceMs); its process is replaced`,
    );
    this.leaving.resolve("asked");
    const look = (): void => {
      if (this.#connections.some(({ wanted }) => wanted))
        this.#kill = setTimeout(look, 100);
      else this.#process.kill("SIGKILL");
    };
    look();
  }

  /** The process may have ended, or only a thread; then the process has to. */
  closed(): void {
    this.#closed++;
    if (this.#state === "ready") {
      this.#lose();
      this.#process.kill("SIGKILL");
    }
    if (this.#closed === this.#connections.length && this.#kill === undefined)
      this.#killIn(EXIT_MS); // a thread of the application's own may keep it
    this.#settle();
  }

  #exited(): void {
    this.#lose();
    for (const connection of this.#connections) connection.exited();
  }

  /** It is given nothing more, and has to be replaced. */
  #lose(): void {
    if (this.#state === "starting") return;
    this.#state = "leaving";
    this.#keeper.remove(this);
    this.leaving.resolve("lost");
  }

  #killIn(ms: number): void {
    clearTimeout(this.#kill);
    this.#kill = setTimeout(() => this.#process.kill("SIGKILL"), ms);
  }

  #connect(): void {
    for (let i = 0; i < this.#keeper.settings.threads; i++)
      this.#connections.push(new Connection(socketIn(this.#folder), this));
  }

  #hear(line: string): void {
    if (this.#state === "starting") this.#said.add(line);
    else this.#say(line);
  }

  /** What the application prints, and what Python has to say itself. */
  #say(line: string): void {
    this.#keeper.log.info({ pid: this.pid }, line);
  }

  /** `exit`: undefined when there was no process. */
  #end(exit: Exit | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#exit = exit;
    this.#settle();
  }

  /** It has ended, and all that it has said was read. */
  #settle(): void {
    if (!this.#ended || this.#closed < this.#connections.length) return;
    if (this.#state === "dead") return;
    clearTimeout(this.#kill);
    const wasReady = this.#state !== "starting";
    this.#state = "dead";
    const reason = wasReady
      ? this.#epitaph()
      : startError(this.#keeper.settings, this.#exit, this.#said.take());
    const again = wasReady
      ? this.#connections.flatMap((one) => one.lose(reason))
      : []; // it was given nothing, and may not have said which thread is whose
    this.state.close();
    removeFolder(this.#folder);
    this.ready.reject(reason);
    this.gone.resolve();
    this.#keeper.again(again);
  }

  #epitaph(): Error {
    return new PythonLostError(
      `the Python process ${this.pid} of ${this.#keeper.settings.app} has ended (${describe(this.#exit!)})`,
    );
  }
}
