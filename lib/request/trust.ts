/** Which peers are proxies of ours, so that their word about their clients counts. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ReturnType<typeof ipaddr.parse>;
type Test = (address: Address) => boolean;

/** Ranges that everybody knows, by the library's lists of them. */
const NAMED: Record<string, Test | undefined> = {
  __proto__: null as never,
  /** 127.0.0.0/8, ::1 (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3). */
  loopback: (address) => address.range() === "loopback",
  /** 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7 (RFC 1918; RFC 4193). */
  private: (address) => ["private", "uniqueLocal"].includes(address.range()),
};

/** The peer of a Unix socket: it has no address, only the file's permissions. */
const UNIX = "unix";

export class TrustedPeers {
  readonly #tests: readonly Test[];
  readonly #unix: boolean;

  /** Entries for which {@link isTrustEntry} holds. */
  constructor(entries: readonly string[]) {
    this.#tests = entries.map(testOf).filter((test) => test !== undefined);
    this.#unix = entries.includes(UNIX);
  }

  /** `address`: as `formatAddress` writes it; empty for a Unix socket. */
  has(address: string): boolean {
    if (address === "") return this.#unix;
    const parsed = ipaddr.parse(address);
    return this.#tests.some((test) => test(parsed));
  }
}

/** An address, a range as `10.0.0.0/8`, or a name. */
export function isTrustEntry(entry: unknown): boolean {
  return (
    typeof entry === "string" && (entry === UNIX || testOf(entry) !== undefined)
  );
}

function testOf(entry: string): Test | undefined {
  return NAMED[entry] ?? testOfRange(entry);
}

function testOfRange(entry: string): Test | undefined {
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
