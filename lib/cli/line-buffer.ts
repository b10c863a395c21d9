/**
 * Lines on their way to a file. pino's destination can buffer, too, but measures its whole buffer anew for each line: as
 * much work as all the rest of a request.
 */
import { openLogFile, type LogFile } from "../log-file.ts";

/** A pipe takes up to 4096 bytes in one piece (PIPE_BUF), so that lines of several workers do not mix. */
const FULL = 3800;

/** A file takes any number, and each write costs as much as several lines. */
const FULL_FOR_FILE = 16 * 1024;

/** How long a line may wait. */
const WAIT_MS = 100;

export class LineBuffer {
  readonly #file: LogFile;
  readonly #full: number;
  #text = "";
  #timer: NodeJS.Timeout | undefined;

  /** `dest`: a path or a descriptor. @throws when it cannot be written. */
  constructor(dest: string | number) {
    this.#file = openLogFile(dest, { sync: true });
    this.#full = typeof dest === "string" ? FULL_FOR_FILE : FULL; // a descriptor is mostly a pipe's
  }

  /** Soon; at once when the buffer is full, so that nothing piles up. */
  write(line: string): void {
    if (this.#text.length + line.length > this.#full) this.flush();
    this.#text += line;
    this.#timer ??= setTimeout(() => this.flush(), WAIT_MS).unref();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#text === "") return;
    this.#file.write(this.#text); // all of it, before it returns; its flushSync() would wait for the disk, too
    this.#text = "";
  }

  /** The file of that name, which may be another one now. */
  reopen(): void {
    this.flush();
    this.#file.reopen();
  }
}
