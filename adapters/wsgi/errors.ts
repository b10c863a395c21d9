/** `wsgi.errors`: whole lines go to the request's log. */
import { Lines } from "../common/lines.ts";
import type { CalledRequest } from "./environ.ts";
import type { ErrorStream } from "./types.ts";

export class LogErrors implements ErrorStream {
  readonly #request: CalledRequest;
  /** Made when something is written: most requests write nothing. */
  #lines: Lines | undefined;

  constructor(request: CalledRequest) {
    this.#request = request;
  }

  write(text: string): void {
    this.#lines ??= new Lines((line) => this.#request.log.error(line));
    this.#lines.push(String(text));
  }

  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  /** Also called when the application is done. */
  flush(): void {
    this.#lines?.flush();
  }
}
