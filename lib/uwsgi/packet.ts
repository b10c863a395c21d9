/**
 * The packet that begins a request of the uwsgi protocol: four bytes of header (modifier1, the size of the block,
 * modifier2), then names and values, each behind its own size. Sizes have 16 bits, the low byte first. The request's
 * body follows as it is. (https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html)
 */

/** Bytes of a block that the 16 bits of its size allow. */
export const MAX_BLOCK = 0xffff;

const HEADER = 4;

/** Strings with a character for each byte. */
export type Variables = Readonly<Record<string, string>>;

/** A packet that is none, or one that is not for an application. The message is for the log. */
export class PacketError extends Error {}

/** Bytes of the block for these. */
export function blockSize(variables: Variables): number {
  let size = 0;
  for (const name in variables)
    size += 4 + name.length + variables[name]!.length;
  return size;
}

/** @throws {PacketError} when they are longer than a packet may be. */
export function encodePacket(variables: Variables): Buffer {
  const size = blockSize(variables);
  if (size > MAX_BLOCK)
    throw new PacketError(
      `${size} bytes of variables, and a packet of the uwsgi protocol has room for ${MAX_BLOCK}`,
    );
  const packet = Buffer.allocUnsafe(HEADER + size);
  packet.writeUInt8(0, 0); // modifier1 0: a WSGI request
  packet.writeUInt16LE(size, 1);
  packet.writeUInt8(0, 3);
  let at = HEADER;
  const write = (text: string): void => {
    packet.writeUInt16LE(text.length, at);
    at += 2 + packet.write(text, at + 2, "latin1");
  };
  for (const name in variables) {
    write(name);
    write(variables[name]!);
  }
  return packet;
}

/** A packet, and what came behind it. */
export interface Received {
  /** In the order they came; a name may come twice. */
  readonly variables: readonly (readonly [name: string, value: string])[];
  readonly rest: Uint8Array;
}

/** Puts a packet together from the pieces that a connection brings; keeps no more than the packet. */
export class PacketReader {
  /** The header, and from then on the whole packet. */
  #packet = Buffer.alloc(HEADER);
  #filled = 0;

  /**
   * Gives the packet once it is complete.
   *
   * @throws {PacketError} when it is malformed; there is nothing to be read any more then.
   */
  push(piece: Uint8Array): Received | undefined {
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

  /** Gives what there is no room for. */
  #fill(piece: Uint8Array): Uint8Array {
    const taken = piece.subarray(0, this.#packet.length - this.#filled);
    this.#packet.set(taken, this.#filled);
    this.#filled += taken.length;
    return piece.subarray(taken.length);
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
