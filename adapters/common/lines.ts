/** What somebody prints, line by line. A line may have any length, and no end. */
import { counted } from "../../lib/adapter.ts";

/** Characters that are kept of a line: a log is made of lines, and may have no room for one of megabytes. */
export const MAX_LINE = 64 * 1024;

export class Lines {
  readonly #listener: (line: string) => void;
  /** The line so far, and how long it is in all. */
  #line = "";
  #length = 0;
  /** A carriage return was the last of what came, and the newline of the same end may follow. */
  #mayFollow = false;

  constructor(listener: (line: string) => void) {
    this.#listener = listener;
  }

  push(text: string): void {
    if (text === "") return;
    const rest = this.#mayFollow && text[0] === "\n" ? text.slice(1) : text;
    this.#mayFollow = text.endsWith("\r");
    const [first, ...others] = rest.split(/\r\n|[\r\n]/);
    this.#add(first!);
    for (const line of others) {
      this.#give();
      this.#add(line);
    }
  }

  /** Gives a line that has no end yet. */
  flush(): void {
    if (this.#length > 0) this.#give();
  }

  #add(text: string): void {
    this.#length += text.length;
    this.#line += text.slice(0, MAX_LINE - this.#line.length);
  }

  #give(): void {
    const cut = this.#length - this.#line.length;
    const note = cut > 0 ? ` … (${counted(cut, "more character")} cut)` : "";
    const line = this.#line + note;
    this.#line = "";
    this.#length = 0;
    this.#listener(line);
  }
}
