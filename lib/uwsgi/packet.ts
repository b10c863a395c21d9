/**
 * The packet that begins a request of the uwsgi protocol: four bytes of header (modifier1, the size of the block,
 * modifier2), then names and values, each behind its own size. Sizes have 16 bits, the low byte first. The request's
 * body follows as it is. (https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html)
 */

const HEADER = 4;

/** The packet is malformed, or does not ask an application for anything. The message is for the log. */
export class PacketError extends Error {}

export interface UwsgiPacket {
  /** In the order they came, with a character for each byte; a name may come twice. */
  readonly variables: readonly (readonly [name: string, value: string])[];
  /** The bytes that came behind the packet. */
  readonly rest: Uint8Array;
}

/** Puts a packet together from the pieces that a connection brings; keeps no more than the packet. */
export class PacketReader {
  /** The header, and from then on the whole packet. */
  #packet = Buffer.alloc(HEADER);
  #filled = 0;

  /**
   * The packet, once it is complete.
   *
   * @throws {PacketError} for a malformed one; the reader is of no use after that.
   */
  push(piece: Uint8Array): UwsgiPacket | undefined {
    let rest = this.#fill(piece);
    if (this.#filled > 0 && this.#packet[0] !== 0)
      throw new PacketError(
        `modifier1 is ${this.#packet[0]}, and only 0, a WSGI request, is served here`,
      );
    if (this.#filled === HEADER && this.#packet.length === HEADER) {
      const size = this.#packet.readUInt16LE(1);
      this.#packet = Buffer.concat([this.#packet], HEADER + size);
      rest = this.#fill(rest);
    }
    if (this.#filled < this.#packet.length) return undefined;
    return { variables: readBlock(this.#packet.subarray(HEADER)), rest };
  }

  /** Returns the bytes that there is no room for. */
  #fill(piece: Uint8Array): Uint8Array {
    const head = piece.subarray(0, this.#packet.length - this.#filled);
    this.#packet.set(head, this.#filled);
    this.#filled += head.length;
    return piece.subarray(head.length);
  }
}

function readBlock(block: Buffer): [name: string, value: string][] {
  const variables: [string, string][] = [];
  let at = 0;
  const read = (): string => {
    const from = at + 2;
    if (from > block.length) throw new PacketError("its block ends in a size");
    at = from + block.readUInt16LE(at);
    if (at > block.length)
      throw new PacketError("a name or a value is longer than its block");
    return block.toString("latin1", from, at);
  };
  while (at < block.length) {
    const name = read();
    if (at === block.length)
      throw new PacketError("its block ends behind a name");
    variables.push([name, read()]);
  }
  return variables;
}
