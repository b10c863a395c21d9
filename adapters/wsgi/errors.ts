/** `wsgi.errors`: whole lines go to the request's log. */
import type { CalledRequest } from "./environ.ts";
import type { ErrorStream } from "./types.ts";

export class LogErrors implements ErrorStream {
  readonly #request: CalledRequest;
  #line = "";

  constructor(request: CalledRequest) {
    this.#request = request;
  }

  write(text: string): void {
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop()!;
    for (const line of lines) this.#request.log.error(line);
  }

  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  /** Also called when the application is done. */
  flush(): void {
    if (this.#line !== "") this.write("\n");
  }
}
