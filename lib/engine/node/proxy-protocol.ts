/**
 * Version 2 of the PROXY protocol (haproxy's `proxy-protocol.txt`): in front of all else on its connection, a proxy says
 * in bytes whom it speaks for.
 */
import { createServer, type Server, type Socket } from "node:net";
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

/**
 * A server that reads the heads and hands the connections on, with the address, empty where there is no head. `limitMs`:
 * for the first bytes to come.
 */
export function createProxiedServer(
  limitMs: number,
  take: (socket: Socket, address: string) => void,
): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    let bytes = Buffer.alloc(0);
    const end = (): void => void socket.destroy();
    const read = (): void => {
      const more = socket.read() as Buffer | null;
      if (more === null) return;
      bytes = Buffer.concat([bytes, more]);
      const head = readProxyHead(bytes);
      if (head === "incomplete") return;
      socket.off("readable", read).off("end", end).off("error", end);
      socket.setTimeout(0, end);
      socket.unshift(head === "none" ? bytes : bytes.subarray(head.length));
      take(socket, head === "none" ? "" : head.address);
    };
    socket.on("readable", read).on("end", end).on("error", end);
    socket.setTimeout(limitMs, end);
  });
}
