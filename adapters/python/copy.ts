/** A worker that a zygote is copied for: it comes to the gateway, as nobody here has started it. */
import { createServer, type Server, type Socket } from "node:net";
import {
  birthIn,
  endSoon,
  hearLines,
  type Exit,
  type Hears,
  type Process,
} from "./launch.ts";

/** What it asks of the zygote. */
export interface Parent {
  /** Fork one that connects there. */
  order(birth: string): void;
  kill(pid: number, signal: NodeJS.Signals): void;
  /** Nothing of it is left. */
  gone(): void;
}

/** How one ends that nobody has seen to end. */
const UNSEEN: Exit = { code: null, signal: "SIGKILL" };

export class Copy implements Process {
  pid: number | undefined;
  readonly #hears: Hears;
  readonly #parent: Parent;
  /** Where it connects: its control channel, its output, its errors. */
  readonly #birth: string;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #closed = 0;
  #exit: Exit | undefined;
  #over = false;
  /** It is to be killed as soon as it is there. */
  #doom: NodeJS.Signals | undefined;

  constructor(folder: string, hears: Hears, parent: Parent) {
    this.#birth = birthIn(folder);
    this.#hears = hears;
    this.#parent = parent;
    this.#server = createServer((socket) => this.#accept(socket))
      .on("listening", () => parent.order(this.#birth))
      .on("error", (error) => this.fail(error.message));
  }

  /** The zygote is ready. */
  begin(): void {
    if (!this.#over) this.#server.listen(this.#birth);
  }

  born(pid: number): void {
    this.pid = pid;
    if (this.#doom !== undefined) this.kill(this.#doom);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#exit !== undefined) return;
    if (this.pid !== undefined) this.#parent.kill(this.pid, signal);
    else if (this.#server.listening) this.#doom = signal;
    else this.exited(UNSEEN); // it was not ordered yet
  }

  tell(text: string): void {
    this.#sockets[0]?.write(text);
  }

  end(): void {
    this.#sockets[0]?.end();
  }

  /** There will be none. */
  fail(reason: string): void {
    this.#hears.failed(reason);
    this.#finish();
  }

  exited(exit: Exit): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    for (const socket of this.#sockets) endSoon(socket);
    this.#hears.exited();
    this.#settle();
  }

  /** The zygote has ended. `exit`: undefined when it has never been there. */
  orphaned(exit: Exit | undefined, said: readonly string[]): void {
    if (this.pid !== undefined) {
      if (this.#exit === undefined) killAnyway(this.pid);
      return this.exited(UNSEEN);
    }
    if (exit === undefined) return this.fail(said.join("\n"));
    for (const line of said) this.#hears.line(line);
    this.exited(exit);
  }

  #accept(socket: Socket): void {
    const hear = this.#sockets.length === 0 ? "control" : "line";
    this.#sockets.push(socket);
    hearLines(socket, (text) => this.#hears[hear](text));
    socket.on("close", () => {
      this.#closed++;
      this.#settle();
    });
    if (this.#sockets.length === 3) this.#server.close();
  }

  /** It has ended, and all that it has said was heard. */
  #settle(): void {
    if (this.#exit === undefined || this.#closed < this.#sockets.length) return;
    if (this.#over) return;
    this.#hears.ended(this.#exit);
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#server.close();
    this.#parent.gone();
  }
}

/** It may have ended meanwhile. */
function killAnyway(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
