/** A connection of Node's HTTP client to a server that speaks uwsgi: a packet takes the place of the request's head. */
import { ReplySocket } from "../../lib/upstream.ts";

type Written = (error?: Error | null) => void;
type Piece = { chunk: unknown; encoding: BufferEncoding };

export class UwsgiSocket extends ReplySocket {
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
    super._write(piece.chunk, piece.encoding, written);
  }

  override _writev([first, ...others]: Piece[], written: Written): void {
    super._writev([this.#translate(first!), ...others], written);
  }

  /** The client writes the head first, and in a piece of its own. */
  #translate(piece: Piece): Piece {
    if (this.#packet === undefined) return piece;
    const chunk = this.#packet;
    this.#packet = undefined;
    return { chunk, encoding: "buffer" as BufferEncoding };
  }
}
