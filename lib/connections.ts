/** The open connections of one listener: how many there are, and who is at their other ends. */
import { formatAddress } from "./address.ts";
import type { Scheme } from "./forwarded.ts";
import type { HttpResponse } from "./uws.ts";

export class Connections {
  readonly scheme: Scheme;
  /**
   * The address at the other end of all of them: behind a proxy they are of one peer. Undefined when they are not, or
   * have not all been since there last was none. To ask the engine about a single one takes a system call, and as much
   * time as a quarter of a small request.
   */
  peerAddress: string | undefined;
  #count = 0;
  #whenNone: (() => void) | undefined;

  constructor(scheme: Scheme) {
    this.scheme = scheme;
  }

  /** As the engine tells of it: `change` is 1, or -1 when it does not know the address any more. */
  changed(connection: HttpResponse, change: number): void {
    if (change > 0) this.#welcome(connection);
    this.#count += change;
    if (this.#count === 0) this.#whenNone?.();
  }

  untilNone(signal: AbortSignal): Promise<void> {
    if (this.#count === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenNone = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #welcome(connection: HttpResponse): void {
    const address = formatAddress(
      new Uint8Array(connection.getRemoteAddress()),
    );
    if (this.#count === 0) this.peerAddress = address;
    else if (this.peerAddress !== address) this.peerAddress = undefined;
  }
}
