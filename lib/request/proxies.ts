/**
 * What trusted proxies say of the client that they speak for: `Forwarded` (RFC 7239); `X-Forwarded-For`, `-Proto` and
 * `-Host`, which no RFC describes; or the PROXY protocol.
 */
import { isIP, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import type { Peer, Scheme } from "../engine/engine.ts";
import { isAuthority } from "./framing.ts";
import type { RequestHeaders } from "./headers.ts";

/** How they say it. */
export type ProxyHeader = "x-forwarded" | "forwarded" | "proxy-v2";

/**
 * What one proxy says of the request as it got it; of the last trusted one, what is certain. Undefined is what it does
 * not say, hides, or says in a way that makes no sense.
 */
export interface ClientInfo {
  /** Who sent it the request. */
  readonly address: string | undefined;
  readonly scheme: Scheme | undefined;
  /** Which authority it was asked for. */
  readonly host: string | undefined;
}

const infoOf = (
  address: string | undefined,
  scheme?: Scheme,
  host?: string,
): ClientInfo => ({ address, scheme, host });

/** Undefined when nobody is trusted. */
export const proxiesFrom = (
  trusted: readonly string[],
  header: ProxyHeader,
): Proxies | undefined =>
  trusted.length === 0 ? undefined : new Proxies(trusted, header);

export class Proxies {
  readonly header: ProxyHeader;
  readonly #tests: readonly Test[];
  readonly #unix: boolean;

  /** `trusted`: entries for which {@link isTrustEntry} holds. */
  constructor(trusted: readonly string[], header: ProxyHeader) {
    this.#tests = trusted.map((entry) => testOf(entry)!);
    this.#unix = trusted.includes("unix");
    this.header = header;
  }

  /** The peer at this address is one of them. `address`: as `formatAddress` writes it; empty for a Unix socket. */
  trust(address: string): boolean {
    if (address === "") return this.#unix;
    const parsed = ipaddr.parse(address);
    return this.#tests.some((test) => test(parsed));
  }

  /**
   * Follows the records from the peer on, as long as whoever tells of the next one is trusted. The first that is not,
   * or that does not know whom it speaks for, is the client.
   */
  ask(peer: Peer, headers: RequestHeaders): ClientInfo {
    let client = infoOf(peer.address);
    for (const record of RECORDS[this.header](peer, headers)) {
      if (client.address === undefined || !this.trust(client.address)) break;
      client = infoOf(
        record.address ?? client.address,
        record.scheme ?? client.scheme,
        record.host ?? client.host,
      );
      if (record.address === undefined) break;
    }
    return client;
  }
}

type Records = (peer: Peer, headers: RequestHeaders) => Iterable<ClientInfo>;

const RECORDS: Record<ProxyHeader, Records> = {
  "x-forwarded": (_, headers) => xForwardedRecords(headers),
  forwarded: (_, headers) => forwardedRecords(headers),
  "proxy-v2": ({ proxiedAddress }) => [infoOf(proxiedAddress || undefined)],
};

// What the fields say.

/** The nearest proxy first, as far as the field makes sense. */
export function* forwardedRecords(
  headers: RequestHeaders,
): Generator<ClientInfo> {
  for (const line of linesOf(headers, "forwarded").reverse()) {
    const elements = parseForwarded(line);
    if (elements === undefined) return; // a client can break its own line; what a proxy added as another still counts
    for (const element of elements.reverse())
      yield infoOf(
        nodeAddress(element.get("for")),
        toScheme(element.get("proto")),
        toHost(element.get("host")),
      );
  }
}

/**
 * The nearest proxy first. Of several schemes and hosts only the last is certain to be the nearest proxy's: a chain of
 * proxies that lengthens the list of addresses need not lengthen the others.
 */
export function* xForwardedRecords(
  headers: RequestHeaders,
): Generator<ClientInfo> {
  const [address, ...further] = listOf(headers, "x-forwarded-for").reverse();
  yield infoOf(
    nodeAddress(address),
    toScheme(listOf(headers, "x-forwarded-proto").at(-1)),
    toHost(listOf(headers, "x-forwarded-host").at(-1)),
  );
  for (const node of further) yield infoOf(nodeAddress(node));
}

/** An element's parameters; names in lower case. */
type Element = ReadonlyMap<string, string>;

/** RFC 7239, section 4: the elements of one field line in the order they came; undefined when it is malformed. */
export function parseForwarded(line: string): Element[] | undefined {
  const elements: Map<string, string>[] = [new Map()];
  PAIR.lastIndex = 0;
  for (;;) {
    const [, name, token, quoted, end] = PAIR.exec(line) ?? [];
    if (end === undefined) return undefined;
    if (name !== undefined) {
      const element = elements.at(-1)!;
      const key = name.toLowerCase();
      if (element.has(key)) return undefined; // "MUST NOT occur more than once"
      element.set(key, token ?? quoted!.replace(/\\(.)/g, "$1"));
    }
    if (end === "") return elements;
    if (end === ",") elements.push(new Map());
  }
}

/**
 * `[ token "=" ( token / quoted-string ) ]` and what ends it (RFC 9110, sections 5.6.2 and 5.6.4). Blanks come once, so
 * that no run of them is tried twice.
 */
const PAIR =
  /[ \t]*(?:([!#$%&'*+\-.^_`|~\w]+)=(?:([!#$%&'*+\-.^_`|~\w]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?([;,]|$)/y;

function linesOf({ raw }: RequestHeaders, name: string): string[] {
  return raw.filter((_, i) => i % 2 === 1 && raw[i - 1] === name);
}

function listOf(headers: RequestHeaders, name: string): string[] {
  return linesOf(headers, name).flatMap((line) => line.split(","));
}

/** RFC 7239, section 6: the address of a node, without its port. `X-Forwarded-For` has IPv6 without brackets, too. */
function nodeAddress(node: string | undefined): string | undefined {
  const text = node?.trim() ?? "";
  const [, ipv6, ipv4] = NODE.exec(text) ?? [];
  const address = ipv6 ?? ipv4 ?? text;
  const valid = ipv6 === undefined ? isIP(address) !== 0 : isIPv6(address);
  if (!valid || address.includes("%")) return undefined; // a zone means nothing on another machine
  return ipaddr.process(address).toString();
}

/** `[IPv6]` or IPv4, and a port, which may be obfuscated. */
const NODE = /^(?:\[([^\]]*)\]|([\d.]+))(?::(?:\d{1,5}|_[\w.-]+))?$/;

function toScheme(proto: string | undefined): Scheme | undefined {
  const scheme = proto?.trim().toLowerCase();
  return scheme === "http" || scheme === "https" ? scheme : undefined;
}

function toHost(host: string | undefined): string | undefined {
  const authority = host?.trim();
  return authority && isAuthority(authority) ? authority : undefined;
}

// Which peers are trusted, so that their word about their clients counts.

type Address = ReturnType<typeof ipaddr.parse>;
type Test = (address: Address) => boolean;

/** Ranges that everybody knows, by the library's lists of them. */
const NAMED: Record<string, Test | undefined> = {
  __proto__: null as never,
  /** 127.0.0.0/8, ::1 (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3). */
  loopback: (address) => address.range() === "loopback",
  /** 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7 (RFC 1918; RFC 4193). */
  private: (address) => ["private", "uniqueLocal"].includes(address.range()),
  /** The peer of a Unix socket: it has no address, only the file's permissions. */
  unix: () => false,
};

/** An address, a range as `10.0.0.0/8`, or a name. */
export function isTrustEntry(entry: unknown): boolean {
  return typeof entry === "string" && testOf(entry) !== undefined;
}

function testOf(entry: string): Test | undefined {
  if (NAMED[entry] !== undefined) return NAMED[entry];
  const [, text = "", prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const version = isIP(text); // the library takes shorthands such as 127.1, too
  const longest = version === 4 ? 32 : 128;
  const bits = Number(prefix ?? longest);
  if (version === 0 || bits > longest) return undefined;
  const [range, length] = unmapped(ipaddr.parse(text), bits);
  return (address) =>
    address.kind() === range.kind() && address.match(range, length);
}

/** Peers are written as IPv4 where they are IPv4 in IPv6 clothes; so are ranges of them. */
function unmapped(range: Address, bits: number): [Address, number] {
  return range instanceof ipaddr.IPv6 &&
    range.isIPv4MappedAddress() &&
    bits >= 96
    ? [range.toIPv4Address(), bits - 96]
    : [range, bits];
}
