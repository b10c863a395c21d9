/** A worker: a process of Python that serves requests, from its start to its exit. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { withResolvers } from "eddy/operations";
import {
  makePrivateFolder,
  PythonLostError,
  PythonTimeoutError,
  randomLifetime,
  type Logger,
  type PartStatus,
} from "../../lib/adapter.ts";
import type { PythonCall } from "./call.ts";
import { AsgiConnection } from "./asgi/connection.ts";
import { ThreadConnection } from "./connection.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Interface } from "./options.ts";
import { ErrorLevels, type PrintedLine } from "./levels.ts";
import type { PythonSettings } from "./options.ts";
import {
  removeFolder,
  socketIn,
  startError,
  StartupOutput,
  stateIn,
  statusOf,
  TRACEBACK_MS,
  type Launch,
  type PythonProcess,
} from "./process.ts";
import { SharedState } from "./shared-state.ts";
import type { ConnectionOwner, WorkerConnection } from "./worker-connection.ts";

/** Shared memory where there is some, and a short path: that of a socket has 107 bytes at most. */
const FOLDER = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Both sides count requests in 32 bits. */
const MAX_REQUESTS = 2 ** 31;

/** `ready`: serves. `leaving`: is given nothing more, finishes what it has. `dead`: the process has ended. */
type State = "starting" | "ready" | "leaving" | "dead";

export class PythonWorker implements ConnectionOwner {
  /** Done when the application is loaded; fails when it cannot be. */
  readonly ready = withResolvers<void>();
  /** Done when it should be replaced, or has to be. */
  readonly leaving = withResolvers<"asked" | "lost">();
  /** Done when the process has ended, and all that it has sent was dealt with. */
  readonly gone = withResolvers<void>();
  readonly connections: WorkerConnection[] = [];
  /** What its application speaks; known when it is ready. */
  interface: Interface | undefined;
  readonly state: SharedState;
  readonly settings: PythonSettings;
  readonly dispatcher: Dispatcher;
  readonly #log: Logger;
  /** For the socket and the state file; removed as soon as both sides have them open. */
  readonly #folder = makePrivateFolder(FOLDER, "python");
  readonly #process: PythonProcess;
  readonly #startup = new StartupOutput();
  readonly #errorLevels = new ErrorLevels();
  /** Requests that it is given before it is replaced. */
  #requestsLeft: number;
  /** What those before it have spoken. */
  readonly #expected: Interface | undefined;
  #state: State = "starting";
  #closed = 0;
  #ended = false;
  #exit: string | undefined;
  #timedOut = false;
  #kill: NodeJS.Timeout | undefined;

  constructor(
    settings: PythonSettings,
    log: Logger,
    dispatcher: Dispatcher,
    launch: Launch,
    expected?: Interface,
  ) {
    this.#expected = expected;
    this.settings = settings;
    this.#log = log;
    this.dispatcher = dispatcher;
    this.#requestsLeft = Math.min(
      randomLifetime(settings.maxRequests, settings.maxRequestsJitter),
      MAX_REQUESTS,
    );
    try {
      this.state = new SharedState(stateIn(this.#folder), settings.threads);
    } catch (error) {
      removeFolder(this.#folder);
      throw error;
    }
    this.#process = launch(this.#folder, {
      line: (text) => this.#print({ level: "info", text }),
      errorLine: (text) =>
        this.#print({ level: this.#errorLevels.next(text), text }),
      control: (text) => this.#hear(text),
      exited: () => this.#exited(),
      ended: (exit) => {
        this.#ended = true;
        this.#exit = exit;
        this.#settle();
      },
    });
  }

  status(): PartStatus {
    const inFlight = this.connections.reduce(
      (sum, connection) => sum + connection.requests,
      0,
    );
    return statusOf(this.#process, this.#state, inFlight);
  }

  /** Behind the lifespan of its application, which may have much to close, where there is one. */
  get #exitMs(): number {
    const { exitMs, shutdownMs } = this.settings;
    return this.interface === "asgi" ? shutdownMs : exitMs;
  }

  countRequest(): void {
    if (--this.#requestsLeft <= 0) this.leaving.resolve("asked");
  }

  /** Is given nothing more, and ends when it has nothing to do, at the latest `exitMs` after that. */
  retire(): void {
    if (this.#state !== "ready") return;
    this.dispatcher.remove(this.connections);
    this.#state = "leaving";
    for (const connection of this.connections) {
      connection.retire();
      this.free(connection);
    }
  }

  /** Ends now if it can, and at the latest in `exitMs`. */
  end(): void {
    if (this.#state === "dead" || this.#kill !== undefined) return;
    if (this.#state === "starting") return this.#process.kill("SIGKILL");
    this.#state = "leaving";
    for (const connection of this.connections) connection.end();
    this.#killIn(this.#exitMs);
  }

  free(connection: WorkerConnection): void {
    if (this.#state === "ready") this.dispatcher.free(connection);
    else if (connection.idle) connection.end();
  }

  /** As uWSGI's harakiri: the process prints where each thread is, and is killed. */
  overrun(call: PythonCall | undefined): void {
    if (this.#timedOut) return;
    this.#timedOut = true;
    this.#lose();
    const error = new PythonTimeoutError(this.settings.harakiriMs);
    const line = call?.line ?? "a request that it had not begun";
    (call?.request.log ?? this.#log).error(
      { pythonPid: this.#process.pid },
      `${line}: ${error.message}; its process is replaced, and this is where it was:`,
    );
    call?.fail(error);
    this.#process.kill("SIGUSR1");
    if (this.interface === "asgi") this.#process.tell("where\n"); // also where greenlets are
    this.#killIn(TRACEBACK_MS);
  }

  clientGone(slot: number, number: number): void {
    if (this.settings.interrupt && !this.#ended)
      this.#process.tell(`${slot} ${number}\n`);
  }

  /** The process is killed as soon as nobody waits for its other threads. */
  runsOn(call: PythonCall): void {
    call.request.log.warn(
      { pythonPid: this.#process.pid },
      `${call.line} went on for ${this.settings.abortGraceMs} ms after its client had left (abortGraceMs); ` +
        "its process is replaced",
    );
    this.leaving.resolve("asked");
    const killUnlessWanted = (): void => {
      if (this.connections.some(({ wanted }) => wanted))
        this.#kill = setTimeout(killUnlessWanted, 100);
      else this.#process.kill("SIGKILL");
    };
    killUnlessWanted();
  }

  /** The process has ended, or only a thread; then the process has to. */
  closed(): void {
    this.#closed++;
    if (this.#state === "ready") {
      this.#lose();
      this.#process.kill("SIGKILL");
    }
    if (this.#closed === this.connections.length && this.#kill === undefined)
      this.#killIn(this.#exitMs); // a thread of the application's own may keep it
    this.#settle();
  }

  #exited(): void {
    this.#lose();
    for (const connection of this.connections) connection.exited();
  }

  /** It is given nothing more, and has to be replaced. */
  #lose(): void {
    if (this.#state === "starting") return;
    this.#state = "leaving";
    this.dispatcher.remove(this.connections);
    this.leaving.resolve("lost");
  }

  #killIn(ms: number): void {
    clearTimeout(this.#kill);
    this.#kill = setTimeout(() => this.#process.kill("SIGKILL"), ms);
  }

  #hear(text: string): void {
    const [word, name] = text.split(" ");
    if (word === "listening") this.#connect(name as Interface);
    else if (text === "ready") this.#begin();
  }

  #connect(name: Interface): void {
    this.interface = name;
    if (name !== (this.#expected ?? name)) {
      const text = `${this.settings.app} spoke ${this.#expected} when it was started, and speaks ${name} now: start anew`;
      this.#print({ level: "error", text });
      return this.#process.kill("SIGKILL");
    }
    const path = socketIn(this.#folder);
    if (name === "asgi")
      return void this.connections.push(new AsgiConnection(path, this));
    for (let slot = 0; slot < this.settings.threads; slot++)
      this.connections.push(new ThreadConnection(path, slot, this));
  }

  /** All of its threads serve, unless one has ended by now. */
  #begin(): void {
    if (this.#closed > 0) return this.#process.kill("SIGKILL");
    removeFolder(this.#folder);
    this.#state = "ready";
    for (const line of this.#startup.takeAll()) this.#print(line);
    this.dispatcher.add(this.connections);
    this.ready.resolve();
  }

  /** Takes what the application or Python itself prints. */
  #print(line: PrintedLine): void {
    if (this.#state === "starting") this.#startup.add(line);
    else this.#log[line.level]({ pythonPid: this.#process.pid }, line.text);
  }

  /** Ends when the process has, and all that it has sent was read. */
  #settle(): void {
    if (!this.#ended || this.#closed < this.connections.length) return;
    clearTimeout(this.#kill);
    const wasReady = this.#state !== "starting";
    this.#state = "dead";
    const { app } = this.settings;
    const reason = wasReady
      ? new PythonLostError(
          `the Python process ${this.#process.pid} of ${app} has ended (${this.#exit})`,
        )
      : startError(this.settings, this.#exit, this.#startup.takeAll());
    const requeued = this.connections.flatMap((one) => one.lose(reason));
    this.state.close();
    removeFolder(this.#folder);
    this.ready.reject(reason);
    this.gone.resolve();
    this.dispatcher.requeue(requeued);
  }
}
