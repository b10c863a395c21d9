/** Lines on their way to a file or a pipe, in a buffer that loses none when the process ends. */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";

/** A file takes any number of characters, and each write costs as much as several lines. */
const FILE_CHARACTERS = 16 * 1024;

/** A pipe takes up to 4096 bytes in one piece (PIPE_BUF), so that lines of several processes do not mix. */
const PIPE_CHARACTERS = 3800;

/** How long a line may wait. */
const WAIT_MS = 100;

/** Characters that wait while the disk is full. Further lines are lost. */
const MAX_CHARACTERS = 1024 * 1024;

/** Between two attempts to write to a full pipe. */
const PAUSE_MS = 10;

/** Buffers with lines in them. */
const filled = new Set<LineBuffer>();

process.on("exit", () => {
  for (const buffer of filled) buffer.flush();
});

export class LineBuffer {
  readonly #path: string | undefined;
  readonly #limit: number;
  #descriptor: number;
  #text = "";
  #timer: NodeJS.Timeout | undefined;
  /** The last attempt has failed, and standard error says so. */
  #failing = false;

  /**
   * @param file a path or a descriptor.
   * @throws when it cannot be opened. Later failures are reported on standard error.
   */
  constructor(file: string | number) {
    const isPath = typeof file === "string";
    this.#path = isPath ? file : undefined;
    this.#descriptor = isPath ? openSync(file, "a") : file;
    this.#limit = fstatSync(this.#descriptor).isFile()
      ? FILE_CHARACTERS
      : PIPE_CHARACTERS;
  }

  /** At once, behind the lines that wait; while the disk is full, with the next attempt. */
  write(line: string): void {
    this.writeSoon(line);
    if (!this.#failing) this.flush();
  }

  /** Soon; at once when the buffer is full. */
  writeSoon(line: string): void {
    const length = this.#text.length + line.length;
    if (length > this.#limit && !this.#failing) this.flush();
    if (this.#text.length + line.length > MAX_CHARACTERS) return;
    this.#text += line;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), WAIT_MS).unref();
    filled.add(this);
  }

  /** Writes all lines that wait before it returns. What a full disk does not take is kept for the next time. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let rest = Buffer.from(this.#text);
    this.#text = "";
    try {
      while (rest.length > 0)
        rest = rest.subarray(writeSome(this.#descriptor, rest));
      this.#failing = false;
      filled.delete(this);
    } catch (error) {
      if (!this.#failing)
        complain(
          `the log ${this.#path ?? "on standard output"} cannot be written: ${(error as Error).message}; ` +
            "1 MiB of its lines is kept until it can",
        );
      this.#failing = true;
      this.#text = String(rest);
    }
  }

  /**
   * Opens the path anew, which may be another file now.
   *
   * @returns false when it cannot be opened, and the old file is written on.
   */
  reopen(): boolean {
    if (this.#path === undefined) return true;
    this.flush();
    try {
      const opened = openSync(this.#path, "a");
      closeSync(this.#descriptor);
      this.#descriptor = opened;
      return true;
    } catch (error) {
      complain(
        `the log ${this.#path} cannot be opened anew: ${(error as Error).message}; the old file is written on`,
      );
      return false;
    }
  }
}

/** A full pipe fails in place of waiting if another process that shares it has set it so. */
function writeSome(descriptor: number, bytes: Uint8Array): number {
  try {
    return writeSync(descriptor, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    return 0;
  }
}

/** What cannot be said in the log, on standard error. */
export function complain(text: string): void {
  try {
    writeSync(2, `eddy: ${text}\n`);
  } catch {
    // there is nowhere left to say it
  }
}
