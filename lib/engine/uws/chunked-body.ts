/** A streamed body without a length: in chunks (RFC 9112, section 7.1), as they meet the cork of uWebSockets.js. */
import type { Chunk } from "../engine.ts";
import type { HttpResponse } from "./load.ts";
import { CORK_BYTES } from "./packet.ts";
import { BYTES_COLLECTED } from "./portions.ts";
import { endEmpty } from "./reply-head.ts";

/** Bytes that fit a cork of their own, with a frame around them and the end behind. */
const PIECE_BYTES = CORK_BYTES - 64;

/** Bytes of the first piece, which has the head before it. */
const FIRST_BYTES = CORK_BYTES / 2;

/** Bytes of a chunk that is not worth a copy to send it with others. */
const LARGE_BYTES = 4096;

/**
 * What one turn of the loop yields leaves in one piece, with one frame: each piece is a crossing into the engine and a
 * system call. It is collected here, and flushed when the turn or the body ends, or a cork is full.
 */
export class ChunkedBody {
  /** Bytes that the application has produced. */
  produced = 0;
  /** Bytes that wait for the end of the turn. */
  waiting = 0;
  /** The client was behind. */
  wasFull = false;
  readonly #res: HttpResponse;
  readonly #cuts: boolean;
  #writeHead: (() => void) | undefined;
  #chunks: Chunk[] = [];
  #turn: NodeJS.Immediate | undefined;

  /** `cuts`: the connection is cut behind it. */
  constructor(res: HttpResponse, cuts: boolean, writeHead: () => void) {
    this.#res = res;
    this.#cuts = cuts;
    this.#writeHead = writeHead;
  }

  /**
   * Keeps a copy: what is the application's may be another thing when the turn ends. `endTurn` is called then, unless
   * it has left.
   */
  add(chunk: Chunk, endTurn: () => void): void {
    this.#turn ??= setImmediate(endTurn);
    const bytes = byteLength(chunk);
    this.produced += bytes;
    this.waiting += bytes;
    this.#chunks.push(typeof chunk === "string" ? chunk : Buffer.from(chunk));
  }

  /** Where the connection is cut, chunks leave alone. */
  get collects(): boolean {
    return !this.#cuts;
  }

  /**
   * It leaves with what the turn still yields. In the route callback all does: the engine has a cork of its own then.
   * Else what waits leaves first, where it is enough.
   */
  canWait(chunk: Chunk, atOnce: boolean): boolean {
    if (!this.collects || atOnce) return this.collects;
    if (chunk.length >= LARGE_BYTES) return false;
    return this.waiting + chunk.length <= BYTES_COLLECTED || this.flush();
  }

  /** Behind what waits. False: the client is behind. */
  write(chunk: Chunk): boolean {
    const taken = this.flush();
    this.produced += byteLength(chunk);
    return this.#write(chunk) && taken;
  }

  /** Sends what waits, the head before it if it is the first. False: the client is behind. */
  flush(): boolean {
    return this.#chunks.length === 0 || this.#write(this.#take());
  }

  /** Something has left. */
  get isBegun(): boolean {
    return this.#writeHead === undefined;
  }

  /**
   * Of a body that is over before it has begun, all in one turn: it has a length then, and needs no frames. Writes the
   * head, and gives the rest. Corked.
   */
  beginWhole(): Chunk {
    this.#begin();
    return this.#take();
  }

  #begin(): void {
    this.#writeHead?.();
    this.#writeHead = undefined;
  }

  /** With the end behind it. */
  end(): void {
    this.#write(this.#take(), true);
  }

  /** The end is to come with it. */
  outlastTurn(): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
  }

  #take(): Chunk {
    this.outlastTurn();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.waiting = 0;
    return chunks.every((chunk) => typeof chunk === "string")
      ? chunks.join("")
      : Buffer.concat(
          chunks.map((chunk) =>
            typeof chunk === "string" ? Buffer.from(chunk) : chunk,
          ),
        );
  }

  /** An empty chunk is none: the engine ends a head with the first byte of its body, and half of one would leave. */
  #write(chunk: Chunk, isEnd = false): boolean {
    if (chunk.length === 0 && !isEnd) return true;
    let taken = true;
    const pieces = this.#piecesOf(chunk);
    for (const [i, piece] of pieces.entries()) {
      this.#res.cork(() => {
        this.#begin();
        if (piece.length > 0) taken = this.#res.write(piece); // an empty one would end it
        if (isEnd && i === pieces.length - 1) this.#res.end();
      });
      this.wasFull ||= !taken;
    }
    return taken;
  }

  /**
   * When the socket is full, the engine loses what reaches beyond its cork: it sends its size, and not the bytes. And
   * whether the socket has taken what was corked, it says at the next piece only: so where that matters, the last byte
   * is one.
   */
  #piecesOf(chunk: Chunk): readonly Chunk[] {
    const most = this.isBegun ? PIECE_BYTES : FIRST_BYTES;
    if (!this.#cuts && byteLength(chunk) <= most) return [chunk];
    const all = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    const end = all.length - (this.#cuts ? 1 : 0);
    const pieces: Uint8Array[] = [];
    for (let at = 0, to = most; at < end; at = to, to += PIECE_BYTES)
      pieces.push(all.subarray(at, Math.min(to, end)));
    if (this.#cuts) pieces.push(all.subarray(end));
    return pieces;
  }

  /**
   * Ends it where its connection ends, too, for which the engine has no call: so the last chunk is written as a header
   * field is, name, colon, value, within an extension that means nothing (RFC 9112, section 7.1.1). Corked.
   */
  endLast(behind: Buffer): void {
    if (this.isBegun) return this.#endChunks(behind.toString());
    this.#begin();
    endEmpty(this.#res, behind);
  }

  #endChunks(behind: string): void {
    this.#res.writeHeader('\r\n0;end="', `"\r\n${behind}`);
  }
}

export function byteLength(chunk: Chunk): number {
  return typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
}
