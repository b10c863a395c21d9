/** A process that a zygote has forked. It connects its channels to the gateway, which has not started it itself. */
import { createServer, type Server, type Socket } from "node:net";
import {
  channelsIn,
  endSoon,
  onLine,
  type ExitStatus,
  type ProcessEvents,
  type PythonProcess,
} from "./process.ts";

/** What it asks of the zygote. */
export interface ForkParent {
  /** Fork a process that connects to this socket. */
  order(channels: string): void;
  kill(pid: number, signal: NodeJS.Signals): void;
  /** Nothing of the process is left. */
  gone(): void;
}

/** Assumed where nobody has seen how the process ended. */
const UNSEEN_EXIT: ExitStatus = { code: null, signal: "SIGKILL" };

export class ForkedProcess implements PythonProcess {
  pid: number | undefined;
  readonly #events: ProcessEvents;
  readonly #parent: ForkParent;
  /** Path of the server that the process connects to: its control channel, its output, its errors. */
  readonly #channels: string;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #closed = 0;
  #exit: ExitStatus | undefined;
  #over = false;
  /** For a process that is ordered and not there yet. */
  #pendingSignal: NodeJS.Signals | undefined;

  constructor(folder: string, events: ProcessEvents, parent: ForkParent) {
    this.#channels = channelsIn(folder);
    this.#events = events;
    this.#parent = parent;
    this.#server = createServer((socket) => this.#accept(socket))
      .on("listening", () => parent.order(this.#channels))
      .on("error", (error) => this.fail(error.message));
  }

  /** The zygote is ready. */
  begin(): void {
    if (!this.#over) this.#server.listen(this.#channels);
  }

  forked(pid: number): void {
    this.pid = pid;
    if (this.#pendingSignal !== undefined) this.kill(this.#pendingSignal);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#exit !== undefined) return;
    if (this.pid !== undefined) this.#parent.kill(this.pid, signal);
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
    this.#events.failed(reason);
    this.#finish();
  }

  exited(exit: ExitStatus): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    for (const socket of this.#sockets) endSoon(socket);
    this.#events.exited();
    this.#settle();
  }

  /** The zygote has ended. `exit`: undefined when it has never been there. */
  orphaned(exit: ExitStatus | undefined, output: readonly string[]): void {
    if (this.pid !== undefined) {
      if (this.#exit === undefined) killIfRunning(this.pid);
      return this.exited(UNSEEN_EXIT);
    }
    if (exit === undefined) return this.fail(output.join("\n"));
    for (const line of output) this.#events.line(line);
    this.exited(exit);
  }

  #accept(socket: Socket): void {
    const event = this.#sockets.length === 0 ? "control" : "line";
    this.#sockets.push(socket);
    onLine(socket, (text) => this.#events[event](text));
    socket.on("close", () => {
      this.#closed++;
      this.#settle();
    });
    if (this.#sockets.length === 3) this.#server.close();
  }

  /** Tells of the end when all of the output was read. */
  #settle(): void {
    if (this.#exit === undefined || this.#closed < this.#sockets.length) return;
    if (this.#over) return;
    this.#events.ended(this.#exit);
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#server.close();
    this.#parent.gone();
  }
}

function killIfRunning(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
