/** Where requests come in: what all requests of one listener have in common, and how many connections it has. */
import { formatAddress } from "../common/address.ts";
import { Connections } from "./connections.ts";

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

  constructor(scheme: Scheme) {
    this.scheme = scheme;
  }

  /** A connection has come. `address`: of its other end, as bytes; none on a Unix socket. */
  opened(address: Uint8Array): void {
    const text = formatAddress(address);
    if (this.connections.none) this.peerAddress = text;
    else if (this.peerAddress !== text) this.peerAddress = undefined;
    this.connections.add(1);
  }

  /** A connection has gone. */
  closed(): void {
    this.connections.add(-1);
  }
}
