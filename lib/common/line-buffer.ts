/**
 * Lines on their way to a file or a pipe, in a buffer that keeps nobody waiting: neither a full disk nor a reader who
 * is stuck. It loses none when the process ends, and says how many it had no room for.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { openToAppend } from "./open-to-append.ts";
import { hostname } from "node:os";

/** A file takes any number of characters, and each write costs as much as several lines. */
const FILE_CHARACTERS = 16 * 1024;

/** A pipe takes up to 4096 bytes in one piece (PIPE_BUF), so that lines of several processes do not mix. */
const PIPE_CHARACTERS = 3800;

/** How long a line may wait. */
const WAIT_MS = 100;

/** Characters that wait while they cannot be written. Further lines are lost. */
const MAX_CHARACTERS = 1024 * 1024;

/** Between two attempts to write to a full pipe, or to a file that does not take it. */
const RETRY_MS = { pipe: 20, file: 250 };

/** How long the end of the process waits for a reader who takes nothing. */
const PATIENCE_MS = 2000;

/** How long the process itself waits for one, before lines are lost: who only has much to read at once takes less. */
const HESITATION_MS = 200;

/** What is wrong with a pipe that is full. */
const UNREAD = "nobody reads what is there";

/** Buffers with lines in them. */
const filled = new Set<LineBuffer>();

process.on("exit", finishLines);

/** Before the process ends in a way of which it is not told. */
export function finishLines(): void {
  for (const buffer of filled) buffer.finish();
}

export class LineBuffer {
  static #output: LineBuffer | undefined;
  readonly #path: string | undefined;
  readonly #gap: (lines: number) => string;
  readonly #limit: number;
  #descriptor: number;
  /** Each is written in one piece, if it fits. */
  #chunks: string[] = [];
  /** What is left of one that did not. */
  #rest: Uint8Array = NOTHING;
  /** Characters in all of them. */
  #length = 0;
  /** Lines that there was no room for, since the start. */
  linesLost = 0;
  /** Of these, the ones of now. Until this is said in the log, further ones are lost, too. */
  #lost = 0;
  /** Until all is written. */
  #patienceMs = HESITATION_MS;
  #timer: NodeJS.Timeout | undefined;
  /** Why the last attempt has failed. */
  #trouble: string | undefined;

  /**
   * @param file a path or a descriptor.
   * @param gap the line that stands for those that are missing. Default: one of JSON.
   * @throws when it cannot be opened. Later failures are reported on standard error.
   */
  constructor(file: string | number, gap = jsonGap) {
    const isPath = typeof file === "string";
    this.#path = isPath ? file : undefined;
    this.#gap = gap;
    this.#descriptor = isPath ? openToAppend(file) : notBlocking(file);
    this.#limit = fstatSync(this.#descriptor).isFile()
      ? FILE_CHARACTERS
      : PIPE_CHARACTERS;
  }

  /** The one to standard output: all that is logged there stays in order, and within one limit. */
  static get standardOutput(): LineBuffer {
    return (this.#output ??= new LineBuffer(1));
  }

  /** At once, behind the lines that wait; while they cannot be written, with the next attempt. */
  write(line: string): void {
    this.writeSoon(line);
    if (this.#trouble === undefined) this.flush();
  }

  /** Soon; at once when the buffer is full. */
  writeSoon(line: string): void {
    const length = this.#length + line.length;
    if (length > this.#limit && this.#trouble === undefined) this.flush();
    if (this.#lost === 0 && !this.#hasRoom(line)) this.#hesitate();
    if (this.#lost > 0 || !this.#hasRoom(line)) return this.#lose();
    this.#add(line);
    this.#plan(WAIT_MS);
  }

  /** One that is longer than all that may wait is written all the same. */
  #hasRoom(line: string): boolean {
    return this.#length === 0 || this.#length + line.length <= MAX_CHARACTERS;
  }

  #add(line: string): void {
    const last = this.#chunks.length - 1;
    if (last >= 0 && this.#chunks[last]!.length + line.length <= this.#limit)
      this.#chunks[last] += line;
    else this.#chunks.push(line);
    this.#length += line.length;
  }

  #lose(): void {
    this.linesLost++;
    if (this.#lost++ === 0)
      complain(
        `the log ${this.#name} cannot be written: ${this.#trouble}; lines are lost until it can be`,
      );
  }

  #hesitate(): void {
    const before = this.#length;
    while (this.#trouble === UNREAD && this.#patienceMs > 0) {
      pause(1);
      this.#patienceMs--;
      this.flush();
      if (this.#length < before / 2) return;
    }
  }

  #plan(ms: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), ms).unref();
    filled.add(this);
  }

  /** Writes the lines that wait, before it returns. What is not taken is kept, and tried again soon. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      while (this.#writeNext());
      this.#trouble = undefined;
      this.#patienceMs = HESITATION_MS;
      filled.delete(this);
    } catch (error) {
      this.#failed(error as NodeJS.ErrnoException);
    }
  }

  /** False: there is nothing left. */
  #writeNext(): boolean {
    if (this.#rest.length === 0) {
      if (this.#chunks.length === 0 && this.#lost > 0) {
        this.#add(this.#gap(this.#lost));
        this.#lost = 0;
      }
      const next = this.#chunks.shift();
      if (next === undefined) return false;
      this.#length -= next.length;
      this.#rest = Buffer.from(next);
    }
    const written = writeSync(this.#descriptor, this.#rest);
    this.#rest = this.#rest.subarray(written);
    return true;
  }

  #failed({ code, message }: NodeJS.ErrnoException): void {
    const isFull = code === "EAGAIN";
    if (!isFull && this.#trouble !== message)
      complain(
        `the log ${this.#name} cannot be written: ${message}; 1 MiB of its lines is kept until it can`,
      );
    this.#trouble = isFull ? UNREAD : message;
    this.#plan(isFull ? RETRY_MS.pipe : RETRY_MS.file);
  }

  /** As `flush`, but waits for a reader who is only slow: the process is to end. */
  finish(): void {
    let left = Infinity;
    for (let waited = 0; waited < PATIENCE_MS; waited += RETRY_MS.pipe) {
      this.flush();
      if (this.#trouble !== UNREAD) return;
      const before = left;
      left = this.#length + this.#rest.length;
      if (left < before) waited = 0;
      pause(RETRY_MS.pipe);
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
      const opened = openToAppend(this.#path);
      closeSync(this.#descriptor);
      this.#descriptor = opened;
      this.flush();
      return true;
    } catch (error) {
      complain(
        `the log ${this.#path} cannot be opened anew: ${(error as Error).message}; the old file is written on`,
      );
      return false;
    }
  }

  get #name(): string {
    return this.#path ?? "on standard output";
  }
}

const NOTHING = new Uint8Array();

export const textGap = (lines: number): string =>
  `${lines === 1 ? "1 line is" : `${lines} lines are`} missing here: the log could not be written\n`;

function jsonGap(lines: number): string {
  const msg = textGap(lines).trimEnd();
  const { pid } = process;
  const line = { level: 40, time: Date.now(), pid, hostname: hostname(), msg };
  return `${JSON.stringify(line)}\n`;
}

/**
 * The same pipe, opened so that a full one fails in place of waiting. That others have the same output, and set its
 * mode back, changes nothing there. A socket cannot be opened again: Node sets its mode when it is asked for it.
 */
function notBlocking(descriptor: number): number {
  const found = fstatSync(descriptor);
  if (!found.isFIFO() && !found.isSocket()) return descriptor;
  try {
    const { O_WRONLY, O_NONBLOCK } = constants;
    return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK);
  } catch {
    void (descriptor === 2 ? process.stderr : process.stdout);
    return descriptor;
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** What cannot be said in the log, on standard error. */
export function complain(text: string): void {
  try {
    const descriptor = notBlocking(2);
    writeSync(descriptor, `eddy: ${text}\n`);
    if (descriptor !== 2) closeSync(descriptor);
  } catch {
    // there is nowhere left to say it
  }
}
