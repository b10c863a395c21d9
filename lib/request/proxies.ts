/** What trusted proxies say of the client that they speak for. */
import {
  forwardedRecords,
  xForwardedRecords,
  type ProxyRecord,
} from "./forwarded.ts";
import type { Peer } from "../engine/engine.ts";
import type { RequestHeaders } from "./headers.ts";
import { TrustedPeers } from "./trust.ts";

/** How they say it. */
export type ProxyHeader = "x-forwarded" | "forwarded" | "proxy-v2";

/** What is certain of a request: its client as the last trusted proxy knows it. */
export interface ClientInfo {
  readonly address: string | undefined;
  readonly scheme: ProxyRecord["scheme"];
  readonly host: ProxyRecord["host"];
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
   * Follows the records from the peer on, as long as whoever tells of the next one is trusted. The first that is not, or
   * that does not know whom it speaks for, is the client.
   */
  ask(peer: Peer, headers: RequestHeaders): ClientInfo {
    let client: ClientInfo = {
      address: peer.address,
      scheme: undefined,
      host: undefined,
    };
    for (const record of RECORDS[this.header](peer, headers)) {
      if (client.address === undefined || !this.trust(client.address)) break;
      client = {
        address: record.address ?? client.address,
        scheme: record.scheme ?? client.scheme,
        host: record.host ?? client.host,
      };
      if (record.address === undefined) break;
    }
    return client;
  }
}

type Records = (peer: Peer, headers: RequestHeaders) => Iterable<ProxyRecord>;

const RECORDS: Record<ProxyHeader, Records> = {
  "x-forwarded": (_, headers) => xForwardedRecords(headers),
  forwarded: (_, headers) => forwardedRecords(headers),
  "proxy-v2": ({ proxiedAddress }) => [
    {
      address: proxiedAddress || undefined,
      scheme: undefined,
      host: undefined,
    },
  ],
};
