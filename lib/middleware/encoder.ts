/** Content codings (RFC 9110, section 8.4.1): bodies in whole, and in pieces that do not wait for those behind them. */
import { finished } from "node:stream/promises";
import * as zlib from "node:zlib";
import type { Future, Operation } from "effection";
import { future } from "../operations/future.ts";
import { until } from "../operations/restated.ts";
import { written } from "../reply/deliver.ts";
import type { ReplyWriter } from "../reply/events.ts";
import {
  checkChunk,
  sourceOf,
  type BodySource,
  type Streamable,
} from "../reply/source.ts";
import type { Chunk, StreamWriter } from "../reply/types.ts";

export type Encoding = "br" | "gzip" | "zstd";

type Transform = zlib.Gzip | zlib.BrotliCompress;

interface Coding {
  /** In this thread: for small ones. */
  whole(body: Chunk): Buffer;
  /** In a thread of Node's pool. */
  stream(options: zlib.ZlibOptions & zlib.BrotliOptions): Transform;
  readonly flush: number;
}

/** zstd is in Node.js 22.15 and later; its types are not here yet. */
interface Zstd {
  readonly zstdCompressSync?: (body: Chunk) => Buffer;
  readonly createZstdCompress?: (options: object) => Transform;
}

const { constants } = zlib;
const { zstdCompressSync, createZstdCompress } = zlib as Zstd;

/** What a reply that is made for one client is worth: 11, the default, is meant for files that are made once. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

const br: Coding = {
  whole: (body) => zlib.brotliCompressSync(body, BROTLI),
  stream: (options) => zlib.createBrotliCompress({ ...options, ...BROTLI }),
  flush: constants.BROTLI_OPERATION_FLUSH,
};

const gzip: Coding = {
  whole: (body) => zlib.gzipSync(body),
  stream: (options) => zlib.createGzip(options),
  flush: constants.Z_SYNC_FLUSH,
};

const ZSTD_FLUSH = 1;

const zstd: Coding | undefined =
  zstdCompressSync && createZstdCompress
    ? {
        whole: (body) => zstdCompressSync(body),
        stream: (options) => createZstdCompress(options),
        flush: ZSTD_FLUSH,
      }
    : undefined;

/** What this Node.js has. */
export const CODINGS: ReadonlyMap<Encoding, Coding> = new Map<Encoding, Coding>(
  [
    ["br", br],
    ["gzip", gzip],
    ...(zstd === undefined ? [] : ([["zstd", zstd]] as const)),
  ],
);

export const encodeWhole = (encoding: Encoding, body: Chunk): Buffer =>
  CODINGS.get(encoding)!.whole(body);

/** Takes what the source gives, when the client asks for it. What is made at once is not sent before the end. */
export function encodedStream(
  encoding: Encoding,
  body: Streamable,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () =>
      new Encoded(new Encoder(encoding), sourceOf(body)),
  };
}

class Encoded implements AsyncIterator<Uint8Array> {
  readonly #encoder: Encoder;
  readonly #source: BodySource;
  #isOver = false;

  constructor(encoder: Encoder, source: BodySource) {
    this.#encoder = encoder;
    this.#source = source;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#isOver) return OVER;
    try {
      for (;;) {
        const step = await this.#source.next();
        if (step.done) break;
        const flushes = !this.#source.sync; // it may wait for long now
        const value = await this.#encoder.write(step.value, flushes);
        if (value.length > 0) return { done: false, value };
      }
      this.#isOver = true;
      return { done: false, value: await this.#encoder.end() };
    } catch (error) {
      this.#isOver = true;
      this.#encoder.close();
      throw error;
    }
  }

  /** At once, also while the source is waited for: it is the source that has to know. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#isOver = true;
    this.#encoder.close();
    await this.#source.cancel();
    return OVER;
  }
}

const OVER = { done: true, value: undefined } as const;

/** Every piece that is written is sent when the client can take it. */
export function encodedWriter(
  encoding: Encoding,
  write: StreamWriter,
): StreamWriter {
  return (out) => encodeWritten(encoding, write, out as ReplyWriter);
}

function* encodeWritten(
  encoding: Encoding,
  write: StreamWriter,
  out: ReplyWriter,
): Operation<void> {
  const encoder = new Encoder(encoding);
  const writer = new EncodedWriter(encoder, out);
  let isWhole = false;
  try {
    yield* written(write, writer);
    yield* until(writer.sent);
    isWhole = true;
    yield* out.write(yield* until(encoder.end()));
  } finally {
    if (out.isEnding && !isWhole) yield* out.write(yield* until(encoder.end()));
    encoder.close();
  }
}

class EncodedWriter implements ReplyWriter {
  readonly #encoder: Encoder;
  readonly #out: ReplyWriter;
  /** All that was written by now. */
  sent: Promise<void> = Promise.resolve();

  constructor(encoder: Encoder, out: ReplyWriter) {
    this.#encoder = encoder;
    this.#out = out;
  }

  get isBehind(): boolean {
    return this.#out.isBehind;
  }

  get isEnding(): boolean {
    return this.#out.isEnding;
  }

  endWhenDraining(): void {
    this.#out.endWhenDraining();
  }

  write(chunk: Chunk): Future<void> {
    checkChunk(chunk);
    return future((this.sent = this.#send(chunk, this.sent)));
  }

  async #send(chunk: Chunk, before: Promise<void>): Promise<void> {
    await before;
    await this.#out.write(await this.#encoder.write(chunk, true));
  }
}

/** Above what one piece can come to: what was written can be read when the write is done. */
const READABLE_BYTES = 2 ** 30;

/** A coding of Node's, asked piece by piece. */
class Encoder {
  readonly #stream: Transform;
  readonly #flush: number;

  constructor(encoding: Encoding) {
    const coding = CODINGS.get(encoding)!;
    const options = { readableHighWaterMark: READABLE_BYTES } as object;
    this.#stream = coding.stream(options).on("error", () => {}); // whoever writes is told
    this.#flush = coding.flush;
  }

  /** What there is by now; with `flushes`, all of it. */
  async write(chunk: Chunk, flushes: boolean): Promise<Buffer> {
    await done((callback) => this.#stream.write(chunk, callback));
    if (flushes)
      await done((callback) => this.#stream.flush(this.#flush, callback));
    return this.#take();
  }

  /** The rest. It comes behind `finish`, which Node's coders tell before it is made. */
  async end(): Promise<Buffer> {
    const rest: Buffer[] = [];
    this.#stream.on("data", (piece: Buffer) => rest.push(piece)).end();
    await finished(this.#stream);
    return Buffer.concat(rest);
  }

  /** Frees its memory, which the garbage collector does not know of. */
  close(): void {
    this.#stream.destroy();
  }

  /** From Node.js 26 on, a read gives one piece of several. */
  #take(): Buffer {
    const pieces: Buffer[] = [];
    for (let piece; (piece = this.#stream.read() as Buffer | null) !== null;)
      pieces.push(piece);
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }
}

function done(
  begin: (callback: (error?: Error | null) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) =>
    begin((error) => (error ? reject(error) : resolve())),
  );
}
