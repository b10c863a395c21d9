/** The packet that begins a request of the uwsgi protocol, written; `lib/uwsgi/packet.ts` says how it is laid out. */
import { HttpError } from "../../lib/adapter.ts";

/** Bytes of a block that the 16 bits of its size allow. */
export const MAX_BLOCK = 0xffff;

const HEADER = 4;

/**
 * @param variables - strings with a character for each byte.
 * @throws {HttpError} 431 when they are longer than a packet may be.
 */
export function encodePacket(
  variables: Readonly<Record<string, string>>,
): Buffer {
  const texts = Object.entries(variables).flat();
  const size = texts.reduce((sum, text) => sum + 2 + text.length, 0);
  if (size > MAX_BLOCK)
    throw new HttpError(
      431,
      `the request's head takes ${size} bytes as variables, and the server behind takes ${MAX_BLOCK}`,
    );
  const packet = Buffer.allocUnsafe(HEADER + size);
  packet.writeUInt8(0, 0); // modifier1 0: a WSGI request
  packet.writeUInt16LE(size, 1);
  packet.writeUInt8(0, 3);
  let at = HEADER;
  for (const text of texts) {
    packet.writeUInt16LE(text.length, at);
    at += 2 + packet.write(text, at + 2, "latin1");
  }
  return packet;
}
