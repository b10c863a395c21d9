/** What a process prints before it is ready, such as a traceback and what led to it. */

/** Characters that are kept. */
const MAX_LENGTH = 16 * 1024;

/** The last lines, as many as fit. */
export class StartupOutput {
  readonly #lines: string[] = [];
  #length = 0;

  add(line: string): void {
    this.#length += line.length;
    this.#lines.push(line);
    while (this.#length > MAX_LENGTH && this.#lines.length > 1)
      this.#length -= this.#lines.shift()!.length;
  }

  takeAll(): string[] {
    this.#length = 0;
    return this.#lines.splice(0);
  }
}
