/** A streamed body without a length: in chunks (RFC 9112, section 7.1), as they meet the cork of uWebSockets.js. */
import type { Chunk } from "../engine.ts";
import type { HttpResponse } from "./load.ts";
import { CORK_BYTES } from "./packet.ts";

/** Bytes around a chunk: its length in hexadecimal digits, and two line ends. */
const FRAME_BYTES = 8;

/** Bytes that fit a cork of their own, with a frame around them and the end behind. */
const PIECE_BYTES = CORK_BYTES - 64;

export class ChunkedBody {
  /** Bytes that the application has produced. */
  produced = 0;
  /** The client was behind. */
  wasFull = false;
  readonly #res: HttpResponse;
  readonly #cuts: boolean;
  /** Bytes that the cork of a batch still takes. */
  #room = 0;

  /** `cuts`: the connection is cut behind it. */
  constructor(res: HttpResponse, cuts: boolean) {
    this.#res = res;
    this.#cuts = cuts;
  }

  /** False: the client is behind. */
  write(chunk: Chunk): boolean {
    const bytes = byteLength(chunk);
    let taken = true;
    this.produced += bytes;
    this.#room -= FRAME_BYTES + bytes;
    for (const piece of this.#piecesOf(chunk, bytes)) {
      this.#res.cork(() => (taken = this.#res.write(piece)));
      this.wasFull ||= !taken;
    }
    return taken;
  }

  /**
   * When the socket is full, the engine loses what reaches beyond its cork: it sends its size, and not the bytes. And
   * whether the socket has taken what was corked, it says at the next piece only: so where that matters, the last byte
   * is one.
   */
  #piecesOf(chunk: Chunk, bytes: number): Iterable<Chunk> {
    if (!this.#cuts && bytes <= PIECE_BYTES) return [chunk];
    const all = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    const first = this.#cuts ? all.subarray(0, -1) : all;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < first.length; at += PIECE_BYTES)
      pieces.push(first.subarray(at, at + PIECE_BYTES));
    if (this.#cuts) pieces.push(all.subarray(-1));
    return pieces;
  }

  /**
   * It can leave in one piece with others: it fits a cork, and is not the first, which has the head before it. Where
   * the connection is cut, chunks leave alone.
   */
  joins(chunk: Chunk): boolean {
    return this.produced > 0 && !this.#cuts && fits(chunk, PIECE_BYTES);
  }

  /** It fits the cork of this batch, too. */
  hasRoom(chunk: Chunk): boolean {
    return fits(chunk, this.#room);
  }

  /** What `write` sends leaves in one piece. What it throws comes out here: the engine would take it for uncaught. */
  batch(write: () => void): void {
    let failure: { error: unknown } | undefined;
    this.#room = PIECE_BYTES;
    this.#res.cork(() => {
      try {
        write();
      } catch (error) {
        failure = { error };
      }
    });
    this.#room = 0;
    if (failure !== undefined) throw failure.error;
  }

  /**
   * Ends it where its connection ends, too, for which the engine has no call: so the last chunk is written as a header
   * field is, name, colon, value, within an extension that means nothing (RFC 9112, section 7.1.1). Corked.
   */
  endLast(behind: string): void {
    this.#res.writeHeader('\r\n0;end="', `"\r\n${behind}`);
  }
}

const fits = (chunk: Chunk, room: number): boolean =>
  FRAME_BYTES + byteLength(chunk) <= room;

export function byteLength(chunk: Chunk): number {
  return typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
}
