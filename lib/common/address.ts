/** Addresses as text. */
import { isIPv6 } from "node:net";

/** `127.0.0.1`, `2001:db8::1`; an IPv4-mapped IPv6 address as IPv4; empty for no address (a Unix socket). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4)
    return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`; // hot path: faster than join()
  if (bytes.length !== 16) return "";
  const mapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff;
  if (mapped) return bytes.subarray(12).join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1); // the URL parser shortens it as RFC 5952 has it
}

/** An address or a name as it stands in a URL. */
export function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
