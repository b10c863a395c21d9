/**
 * A connection on which the reply counts, as Node's HTTP client uses it.
 *
 * A server that does not want the rest of a body closes the connection behind its reply, which is still to be read:
 * that it takes no more is no failure then. What else is wrong shows when it is read. Over TCP such a connection is
 * reset, and what has arrived before that can still be read.
 */
import { Socket } from "node:net";

type Written = (error?: Error | null) => void;

/** By `_write` and `_writev`, as streams are implemented: `connect` puts Node's own `write` back. */
export class ReplySocket extends Socket {
  override _write(
    chunk: unknown,
    encoding: BufferEncoding,
    written: Written,
  ): void {
    super._write(chunk, encoding, unlessClosed(written));
  }

  override _writev(
    pieces: { chunk: unknown; encoding: BufferEncoding }[],
    written: Written,
  ): void {
    super._writev!(pieces, unlessClosed(written));
  }
}

function unlessClosed(written: Written): Written {
  return (error) => written(error && saysClosed(error) ? null : error);
}

/** The system's words for it, when one writes. */
export function saysClosed({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE" || code === "ECONNRESET";
}
