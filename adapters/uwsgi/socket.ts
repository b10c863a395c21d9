/** A connection of Node's HTTP client to a server that speaks uwsgi: the request's head goes out as a packet, all the rest as it is. */
import { Socket } from "node:net";

type Written = (error?: Error | null) => void;
type Piece = { chunk: unknown; encoding: BufferEncoding };

/** By `_write` and `_writev`, as streams are implemented: `connect` puts Node's own `write` back. */
export class UwsgiSocket extends Socket {
  #packet: Buffer | undefined;

  constructor(packet: Buffer) {
    super();
    this.#packet = packet;
  }

  override _write(
    chunk: unknown,
    encoding: BufferEncoding,
    written: Written,
  ): void {
    const piece = this.#translate({ chunk, encoding });
    super._write(piece.chunk, piece.encoding, unlessClosed(written));
  }

  override _writev([first, ...others]: Piece[], written: Written): void {
    const pieces = [this.#translate(first!), ...others];
    super._writev!(pieces, unlessClosed(written));
  }

  /** The client writes the head first, and in a piece of its own. */
  #translate(piece: Piece): Piece {
    if (this.#packet === undefined) return piece;
    const chunk = this.#packet;
    this.#packet = undefined;
    return { chunk, encoding: "buffer" as BufferEncoding };
  }
}

/** A server that does not want the rest of a body closes the connection behind its reply, which is still to be read. What else is wrong shows there. */
function unlessClosed(written: Written): Written {
  return (error) =>
    written((error as NodeJS.ErrnoException)?.code === "EPIPE" ? null : error);
}
