/**
 * Lines on their way to a file. pino's destination can buffer, too, but measures its whole buffer anew for each line: as
 * much work as all the rest of a request. And it ends the process when the disk is full.
 */
import { closeSync, openSync, writeSync } from "node:fs";

/** A pipe takes up to 4096 bytes in one piece (PIPE_BUF), so that lines of several workers do not mix. */
const FULL = 3800;

/** A file takes any number, and each write costs as much as several lines. */
const FULL_FOR_FILE = 16 * 1024;

/** How long a line may wait. */
const WAIT_MS = 100;

/** Characters that wait for room on a disk; what comes then is lost. */
const KEPT = 1024 * 1024;

export class LineBuffer {
  readonly #name: string;
  readonly #full: number;
  #descriptor: number;
  #text = "";
  #timer: NodeJS.Timeout | undefined;
  /** Lines wait for room, and it has been said. */
  #failing = false;

  /** `dest`: a path or a descriptor. @throws when the file cannot be opened; what goes wrong later is told on standard error. */
  constructor(dest: string | number) {
    const isPath = typeof dest === "string";
    this.#name = isPath ? dest : "-";
    this.#descriptor = isPath ? openSync(dest, "a") : dest;
    this.#full = isPath ? FULL_FOR_FILE : FULL; // a descriptor is mostly a pipe's
  }

  /** Soon; at once when the buffer is full, so that nothing piles up. */
  write(line: string): void {
    const { length } = line;
    if (this.#text.length + length > this.#full) this.push();
    if (this.#text.length + length > KEPT) return;
    this.#text += line;
    this.#timer ??= setTimeout(() => this.flush(), WAIT_MS).unref();
  }

  /** Writes what it holds back; while there is no room, with the next look whether there is. */
  push(): void {
    if (!this.#failing) this.flush();
  }

  /** Writes it now, or tries to. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#write(text);
  }

  /** The file of that name, which may be another one now. False: it cannot be opened, and the old one is used on. */
  reopen(): boolean {
    this.flush();
    try {
      const opened = openSync(this.#name, "a");
      closeSync(this.#descriptor);
      this.#descriptor = opened;
      return true;
    } catch (error) {
      complain(
        `cannot open the log ${this.#name} anew: ${(error as Error).message}; the old file is written on`,
      );
      return false;
    }
  }

  /** All of it, before it returns. A disk that is full is no reason to serve nobody: what has no room is kept for the next time. */
  #write(text: string): void {
    let rest = Buffer.from(text);
    try {
      while (rest.length > 0)
        rest = rest.subarray(writeSome(this.#descriptor, rest));
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        complain(
          `cannot write the log ${this.#name}: ${(error as Error).message}; 1 MiB of its lines is kept until that is mended`,
        );
      this.#failing = true;
      this.#text = String(rest);
    }
  }
}

/** A pipe that is full takes nothing for a while, where somebody who shares it has told it not to wait. */
function writeSome(descriptor: number, bytes: Uint8Array): number {
  try {
    return writeSync(descriptor, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    Atomics.wait(NOBODY, 0, 0, PAUSE_MS);
    return 0;
  }
}

const PAUSE_MS = 10;
const NOBODY = new Int32Array(new SharedArrayBuffer(4));

function complain(text: string): void {
  try {
    writeSync(2, `eddy: ${text}\n`);
  } catch {
    // there is nowhere left to say it
  }
}
