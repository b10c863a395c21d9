/**
 * The packet that begins a request of the uwsgi protocol: four bytes of header (modifier1, the size of the block,
 * modifier2), then names and values, each behind its own size. Sizes have 16 bits, the low byte first. The request's
 * body follows as it is. (https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html)
 */

const HEADER = 4;

/** The packet is malformed, or does not ask an application for anything. The message is for the log. */
export class PacketError extends Error {}

export interface UwsgiPacket {
  /** name, value, name, value, … as they came, with a character for each byte; a name may come twice. */
  readonly variables: readonly string[];
  /** The bytes that came behind the packet. */
  readonly rest: Uint8Array;
}

/** Puts a packet together from the pieces that a connection brings; keeps no more than the packet. */
export class PacketReader {
  /** What has come so far, where that is not all. */
  #pieces: Buffer | undefined;

  /**
   * The packet, once it is complete.
   *
   * @throws {PacketError} for a malformed one; the reader is of no use after that.
   */
  push(piece: Buffer): UwsgiPacket | undefined {
    const bytes =
      this.#pieces === undefined ? piece : Buffer.concat([this.#pieces, piece]);
    if (bytes.length > 0 && bytes[0] !== 0)
      throw new PacketError(
        `modifier1 is ${bytes[0]}, and only 0, a WSGI request, is served here; HTTP is spoken at other addresses`,
      );
    const end =
      bytes.length < HEADER ? Infinity : HEADER + bytes.readUInt16LE(1);
    if (bytes.length < end) {
      this.#pieces = bytes;
      return undefined;
    }
    const rest = end === bytes.length ? NOTHING : bytes.subarray(end);
    return { variables: readBlock(bytes, end), rest };
  }
}

const NOTHING = new Uint8Array(0);

/**
 * All of it becomes text at once, of which names and values are parts: to read them one by one costs several times
 * that.
 */
function readBlock(block: Buffer, end: number): string[] {
  const text = block.toString("latin1", 0, end);
  const variables: string[] = [];
  for (let at = HEADER; at < end;) {
    const from = at + 2;
    if (from > end) throw new PacketError("its block ends in a size");
    at = from + (block[from - 2]! | (block[from - 1]! << 8));
    if (at > end)
      throw new PacketError("a name or a value is longer than its block");
    variables.push(text.slice(from, at));
  }
  if (variables.length % 2 !== 0)
    throw new PacketError("its block ends behind a name");
  return variables;
}
