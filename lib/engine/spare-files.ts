/**
 * Some file descriptors are kept for the time when there are no others.
 *
 * An engine that cannot accept a connection for want of one is called for it again at once, and for ever: its clients
 * hang, and a processor is busy. With what is kept here it can, and the connection is closed.
 */
import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";

/** One is enough for the engine, if nobody else takes it; less than another process needs to start. */
const SPARES = 4;

/** Milliseconds between two looks whether there are descriptors. */
const LOOK_MS = 500;

export class SpareFiles {
  /** There are none left but those that were kept. */
  exhausted = false;
  readonly #onChange: (exhausted: boolean) => void;
  #spares: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(onChange: (exhausted: boolean) => void) {
    this.#onChange = onChange;
  }

  /** Until `stop`. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
    this.look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#release();
  }

  /** Whether there is one more than those that are kept. */
  look(): void {
    const exhausted = !this.#keep(SPARES + 1);
    if (exhausted) this.#release();
    else closeSync(this.#spares.pop()!);
    if (exhausted === this.exhausted) return;
    this.exhausted = exhausted;
    this.#onChange(exhausted);
  }

  /** False: there are not so many. */
  #keep(count: number): boolean {
    try {
      while (this.#spares.length < count)
        this.#spares.push(openSync(devNull, "r"));
      return true;
    } catch (error) {
      if (OUT_OF_FILES.has((error as NodeJS.ErrnoException).code!))
        return false;
      throw error;
    }
  }

  #release(): void {
    for (const spare of this.#spares.splice(0)) closeSync(spare);
  }
}

/** Of this process, and of the machine. */
const OUT_OF_FILES = new Set(["EMFILE", "ENFILE"]);
