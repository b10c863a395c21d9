/** Where requests come in: what all requests of one listener have in common, and who is at the other end. */
import { formatAddress } from "../common/address.ts";
import { Connections } from "./connections.ts";
import type { Scheme } from "../request/forwarded.ts";
import type { HttpResponse } from "./uws/load.ts";

export class Entrance {
  /** As the client spoke. */
  readonly scheme: Scheme;
  /** Our own front is the socket's other end; the peer is whom it names by the PROXY protocol. */
  readonly fronted: boolean;
  readonly connections = new Connections();
  /**
   * The address at the other end of all connections: behind a proxy they are of one peer. Undefined when they are not,
   * or have not all been since there last was none. To ask the engine about a single one takes a system call, and as
   * much time as a quarter of a small request.
   */
  peerAddress: string | undefined;

  constructor(scheme: Scheme, fronted: boolean) {
    this.scheme = scheme;
    this.fronted = fronted;
  }

  /** As the engine tells of a connection: `change` is 1, or -1 when it does not know the address any more. */
  changed(connection: HttpResponse, change: number): void {
    if (change > 0) this.#welcome(connection);
    this.connections.add(change);
  }

  #welcome(connection: HttpResponse): void {
    const address = formatAddress(
      new Uint8Array(connection.getRemoteAddress()),
    );
    if (this.connections.none) this.peerAddress = address;
    else if (this.peerAddress !== address) this.peerAddress = undefined;
  }
}
