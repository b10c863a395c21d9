/**
 * What the applications saw, and the access log has, by the address of who asked: each connection of the fuzzer comes
 * from one of its own.
 */

export interface Noted {
  /** What the applications saw. */
  readonly calls: readonly string[];
  /** One for each access line: the method of the request. */
  readonly methods: readonly string[];
}

export class Journal {
  readonly #calls = new Map<string, string[]>();
  readonly #methods = new Map<string, string[]>();

  /** Notes a call; the returned function puts what is known later in its place. */
  note(address: string, seen: string): (seen: string) => void {
    const calls = this.#calls.get(address) ?? [];
    this.#calls.set(address, calls);
    const at = calls.push(seen) - 1;
    return (more) => (calls[at] = more);
  }

  /** Notes an access line, by the method that it has. */
  log(address: string, method: string): void {
    const methods = this.#methods.get(address) ?? [];
    this.#methods.set(address, methods);
    methods.push(method);
  }

  /** What was noted for an address, and forgets it. */
  take(address: string): Noted {
    const calls = this.#calls.get(address) ?? [];
    const methods = this.#methods.get(address) ?? [];
    this.#calls.delete(address);
    this.#methods.delete(address);
    return { calls, methods };
  }
}
