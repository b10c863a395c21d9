/**
 * Version 2 of the PROXY protocol (haproxy's `proxy-protocol.txt`): in front of all else on its connection, a proxy
 * says in bytes whom it speaks for.
 */
import { formatAddress } from "../../common/address.ts";

/** Section 2.2: the signature; behind it are version and command, family, and the length of what follows. */
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const HEAD_BYTES = 16;

/** Version 2, command PROXY. The other one, LOCAL, is of the proxy itself. */
const PROXY = 0x21;

/** Bytes of a source address, by family. */
const SOURCE_BYTES: Record<number, number | undefined> = { 0x11: 4, 0x21: 16 };

/** What has come so far is a header, is the beginning of one, or is none. */
export type Read =
  { readonly address: string; readonly length: number } | "incomplete" | "none";

export function readProxyHead(bytes: Buffer): Read {
  const begins = SIGNATURE.subarray(0, bytes.length);
  if (!bytes.subarray(0, SIGNATURE.length).equals(begins)) return "none";
  if (bytes.length < HEAD_BYTES) return "incomplete";
  const length = HEAD_BYTES + bytes.readUInt16BE(14);
  if (bytes.length < length) return "incomplete";
  const known = bytes[12] === PROXY ? SOURCE_BYTES[bytes[13]!] : undefined;
  const source = bytes.subarray(HEAD_BYTES, HEAD_BYTES + (known ?? 0));
  return { address: formatAddress(source), length };
}
