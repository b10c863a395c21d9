/** Where requests come in: what all requests of one listener have in common, and how many connections it has. */
import { Connections } from "./connections.ts";
import type { Visits } from "./visits.ts";

export type Scheme = "http" | "https";

export class Entrance {
  /** As the client spoke. */
  readonly scheme: Scheme;
  /**
   * The address at the other end of all connections: behind a proxy they are of one peer. Undefined when they are not,
   * or have not all been since there last was none. It spares asking the engine about a single one.
   */
  peerAddress: string | undefined;
  readonly connections = new Connections();
  /** Where they come in, on a port. */
  port: number | undefined;
  /** Who comes is counted here, on all entrances of a loop together; not where our own front stands between. */
  readonly #visits: Visits | undefined;
  #isClosing = false;

  constructor(scheme: Scheme, visits?: Visits) {
    this.scheme = scheme;
    this.#visits = visits;
  }

  /** A connection has come. `address`: of its other end; empty on a Unix socket. */
  opened(address: string): void {
    if (this.connections.none) this.peerAddress = address;
    else if (this.peerAddress !== address) this.peerAddress = undefined;
    this.connections.add(1);
    if (this.#visits !== undefined) this.#visits.open++;
  }

  /** To be asked once for each connection. False: it is to be closed at once. */
  admits(address: string): boolean {
    return this.#visits?.admits(address, this.port) ?? true;
  }

  /** A connection has gone. */
  closed(): void {
    this.connections.add(-1);
    if (this.#visits !== undefined) this.#visits.open--;
  }

  /**
   * A connection that was admitted has gone, and the engine has called for no request of it. `cause`: what this engine
   * does not understand, with its comma.
   */
  unserved(address: string, cause = ""): void {
    if (!this.#isClosing) this.#visits?.noteUnserved(address, cause);
  }

  /** What is left is cut. */
  closing(): void {
    this.#isClosing = true;
  }
}
