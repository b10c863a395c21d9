/** What proxies say of a request: `Forwarded` (RFC 7239), and `X-Forwarded-For`, `-Proto` and `-Host`, which no RFC describes. */
import { isIP, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import type { Scheme } from "../engine/entrance.ts";
import { formatAddress } from "../common/address.ts";
import { isAuthority } from "./framing.ts";
import type { RequestHeaders } from "./headers.ts";

/** What one proxy says of the request as it got it. Undefined is what it does not say, hides, or says in a way that makes no sense. */
export interface ProxyRecord {
  /** Who sent it the request. */
  readonly address: string | undefined;
  readonly scheme: Scheme | undefined;
  /** Which authority it was asked for. */
  readonly host: string | undefined;
}

/** The nearest proxy first, as far as the field makes sense. */
export function* forwardedRecords(
  headers: RequestHeaders,
): Generator<ProxyRecord> {
  for (const line of linesOf(headers, "forwarded").reverse()) {
    const elements = parseForwarded(line);
    if (elements === undefined) return; // a client can break its own line; what a proxy added as another still counts
    for (const element of elements.reverse())
      yield {
        address: nodeAddress(element.get("for")),
        scheme: toScheme(element.get("proto")),
        host: toHost(element.get("host")),
      };
  }
}

/**
 * The nearest proxy first. Of several schemes and hosts only the last is certain to be the nearest proxy's: a chain of
 * proxies that lengthens the list of addresses need not lengthen the others.
 */
export function* xForwardedRecords(
  headers: RequestHeaders,
): Generator<ProxyRecord> {
  const [address, ...further] = listOf(headers, "x-forwarded-for").reverse();
  yield {
    address: nodeAddress(address),
    scheme: toScheme(listOf(headers, "x-forwarded-proto").at(-1)),
    host: toHost(listOf(headers, "x-forwarded-host").at(-1)),
  };
  for (const node of further)
    yield { address: nodeAddress(node), scheme: undefined, host: undefined };
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

/** `[ token "=" ( token / quoted-string ) ]` and what ends it (RFC 9110, sections 5.6.2 and 5.6.4). Blanks come once, so that no run of them is tried twice. */
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
  return formatAddress(Uint8Array.from(ipaddr.parse(address).toByteArray()));
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
