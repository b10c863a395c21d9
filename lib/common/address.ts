/** Addresses as text. */
import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

/** `127.0.0.1`, `2001:db8::1`; an IPv4-mapped IPv6 address as IPv4; empty for no address (a Unix socket). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4)
    return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`; // hot path: faster than join()
  if (bytes.length !== 16) return "";
  const address = new ipaddr.IPv6([...bytes]);
  return address.isIPv4MappedAddress()
    ? address.toIPv4Address().toString()
    : address.toString(); // as RFC 5952 has it
}

/** An address or a name as it stands in a URL. */
export function urlHost(host: string): string {
  // a start is spared Node's regular expression for IPv6, which takes milliseconds to compile
  return host.includes(":") && isIPv6(host) ? `[${host}]` : host;
}
