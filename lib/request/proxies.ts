/** What trusted proxies say of the client that they speak for. */
import { forwardedHops, xForwardedHops, type Hop } from "./forwarded.ts";
import type { RequestHeaders } from "./headers.ts";
import { TrustedPeers } from "./trust.ts";

/** How they say it. */
export type ProxyHeader = "x-forwarded" | "forwarded" | "proxy-v2";

/** A connection's other end. Undefined is what nobody asked for while the engine knew. */
export interface Peer {
  /** Empty on a Unix socket. */
  readonly peerAddress: string | undefined;
  /** From the header of the PROXY protocol; empty without one. */
  readonly proxiedAddress: string | undefined;
}

/** What is certain of a request: its client as the last trusted proxy knows it. */
export interface Told {
  readonly address: string | undefined;
  readonly scheme: Hop["scheme"];
  readonly host: Hop["host"];
}

/** Undefined when nobody is trusted. */
export function proxiesFrom({
  trustProxy,
  proxyHeader,
}: {
  trustProxy: readonly string[];
  proxyHeader: ProxyHeader;
}): Proxies | undefined {
  return trustProxy.length === 0
    ? undefined
    : new Proxies(trustProxy, proxyHeader);
}

export class Proxies {
  readonly header: ProxyHeader;
  readonly #trusted: TrustedPeers;

  constructor(trusted: readonly string[], header: ProxyHeader) {
    this.#trusted = new TrustedPeers(trusted);
    this.header = header;
  }

  /** The peer at this address is one of them. */
  trust(address: string): boolean {
    return this.#trusted.has(address);
  }

  /**
   * Follows the hops from the peer on, as long as whoever tells of the next one is trusted. The first that is not, or
   * that does not know whom it speaks for, is the client.
   */
  ask(peer: Peer, headers: RequestHeaders): Told {
    let told: Told = {
      address: peer.peerAddress,
      scheme: undefined,
      host: undefined,
    };
    for (const hop of HOPS[this.header](peer, headers)) {
      if (told.address === undefined || !this.trust(told.address)) break;
      told = {
        address: hop.address ?? told.address,
        scheme: hop.scheme ?? told.scheme,
        host: hop.host ?? told.host,
      };
      if (hop.address === undefined) break;
    }
    return told;
  }
}

type Hops = (peer: Peer, headers: RequestHeaders) => Iterable<Hop>;

const HOPS: Record<ProxyHeader, Hops> = {
  "x-forwarded": (_, headers) => xForwardedHops(headers),
  forwarded: (_, headers) => forwardedHops(headers),
  "proxy-v2": ({ proxiedAddress }) => [
    {
      address: proxiedAddress || undefined,
      scheme: undefined,
      host: undefined,
    },
  ],
};
