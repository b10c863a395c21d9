/** What a process says before it is ready: a traceback, and what led to it. The last of it, if it is long. */

/** Characters. */
const MOST = 16 * 1024;

export class Said {
  readonly #lines: string[] = [];
  #length = 0;

  add(line: string): void {
    this.#length += line.length;
    this.#lines.push(line);
    while (this.#length > MOST && this.#lines.length > 1)
      this.#length -= this.#lines.shift()!.length;
  }

  /** All of it; nothing is left. */
  take(): string[] {
    this.#length = 0;
    return this.#lines.splice(0);
  }
}
