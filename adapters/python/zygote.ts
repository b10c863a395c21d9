/** The process that imports the application once, and is copied for each worker: `lazyApps: false`. */
import { constants } from "node:os";
import { withResolvers } from "eddy/operations";
import type { Logger } from "../../lib/adapter.ts";
import { Copy } from "./copy.ts";
import {
  launch,
  startError,
  workerConfig,
  type Exit,
  type Hears,
  type Process,
} from "./launch.ts";
import type { PythonSettings } from "./options.ts";
import { Said } from "./said.ts";

/** Milliseconds to exit in, when it has no copies any more. */
const EXIT_MS = 2000;

/** `ending`: makes no copies, and stays to see those end that there are. */
type State = "starting" | "ready" | "ending" | "dead";

export class Zygote {
  /** Done when the application is loaded; fails when it cannot be. */
  readonly ready = withResolvers<void>();
  /** Done when the process has ended. */
  readonly gone = withResolvers<void>();
  readonly #settings: PythonSettings;
  readonly #log: Logger;
  readonly #process: Process;
  readonly #said = new Said();
  readonly #copies = new Set<Copy>();
  /** Those that it has not answered; it does one after the other. */
  readonly #ordered: Copy[] = [];
  #state: State = "starting";
  #kill: NodeJS.Timeout | undefined;

  constructor(settings: PythonSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    const config = { app: settings.app, zygote: true };
    this.#process = launch(settings, config, {
      line: (text) => this.#print(text),
      control: (text) => this.#hear(text),
      failed: (reason) => {
        this.#said.add(reason);
        this.#die(undefined);
      },
      exited: () => {}, // its copies are told when all is heard that it has said of them
      ended: (exit) => this.#die(exit),
    });
  }

  get dead(): boolean {
    return this.#state === "dead";
  }

  /** A worker that is a copy of it, as soon as there is something to copy. */
  fork(folder: string, hears: Hears): Process {
    const config = workerConfig(this.#settings, folder);
    const copy: Copy = new Copy(folder, hears, {
      order: (birth) => {
        this.#ordered.push(copy);
        this.#tell({ ...config, birth });
      },
      kill: (pid, signal) =>
        this.#tell({ kill: pid, signal: constants.signals[signal] }),
      gone: () => {
        this.#copies.delete(copy);
        this.#endIfAlone();
      },
    });
    this.#copies.add(copy);
    if (this.#state === "ready") copy.begin();
    return copy;
  }

  /** Ends behind the last of its copies. */
  end(): void {
    if (this.#state === "starting") this.#process.kill("SIGKILL");
    if (this.#state !== "ready") return;
    this.#state = "ending";
    this.#process.end();
    this.#endIfAlone();
  }

  #endIfAlone(): void {
    if (this.#state !== "ending" || this.#copies.size > 0) return;
    this.#kill = setTimeout(() => this.#process.kill("SIGKILL"), EXIT_MS);
  }

  #tell(order: object): void {
    this.#process.tell(`${JSON.stringify(order)}\n`);
  }

  #print(text: string): void {
    if (this.#state === "starting") this.#said.add(text);
    else this.#log.info({ pid: this.#process.pid }, text);
  }

  #hear(text: string): void {
    const [word, ...rest] = text.split(" ");
    if (word === "ready") this.#begin();
    else if (word === "forked") this.#ordered.shift()!.born(Number(rest[0]));
    else if (word === "unforked") this.#ordered.shift()!.fail(rest.join(" "));
    else if (word === "exit") this.#ended(Number(rest[0]), Number(rest[1]));
  }

  #begin(): void {
    this.#state = "ready";
    for (const line of this.#said.take()) this.#print(line);
    for (const copy of this.#copies) copy.begin();
    this.ready.resolve();
  }

  #ended(pid: number, status: number): void {
    for (const copy of this.#copies)
      if (copy.pid === pid) copy.exited(exitOf(status));
  }

  /** Its copies end as well: nobody else would notice when they do. `exit`: undefined when there was no process. */
  #die(exit: Exit | undefined): void {
    if (this.#state === "dead") return;
    clearTimeout(this.#kill);
    const said = this.#said.take();
    this.#state = "dead";
    for (const copy of this.#copies) copy.orphaned(exit, said);
    this.ready.reject(startError(this.#settings, exit, said));
    this.gone.resolve();
  }
}

/** As wait(2) has it. */
function exitOf(status: number): Exit {
  const number = status & 0x7f;
  if (number === 0) return { code: status >> 8, signal: null };
  const [signal] =
    Object.entries(constants.signals).find(([, value]) => value === number) ??
    [];
  return { code: null, signal: (signal ?? "SIGKILL") as NodeJS.Signals };
}
