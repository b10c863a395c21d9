/**
 * A streamed body, whatever it is made of, as one thing: ask for the next chunk, or say that nobody wants the rest.
 */
import { setImmediate } from "node:timers/promises";
import { InvalidReplyError } from "./errors.ts";
import type { ResponseWriter } from "./response.ts";
import type { Chunk } from "./types.ts";

/** Chunks of a synchronous iterable that are sent in a row before other requests get a turn. */
const CHUNKS_PER_TURN = 64;

export interface Source {
  /** Synchronous where the body is: a result, not a promise of one. */
  next():
    | IteratorResult<Chunk, unknown>
    | PromiseLike<IteratorResult<Chunk, unknown>>;
  /** Ends it early: the generator's `finally` runs, the `ReadableStream` is cancelled. Does nothing once it has ended. */
  cancel(): unknown;
}

type Streamable =
  Iterable<Chunk> | AsyncIterable<Chunk> | ReadableStream<Chunk>;

export function isStreamable(body: object): body is Streamable {
  return (
    Symbol.iterator in body ||
    Symbol.asyncIterator in body ||
    body instanceof ReadableStream
  );
}

export function sourceOf(body: Streamable): Source {
  if (body instanceof ReadableStream) return readerSource(body.getReader());
  const iterator =
    Symbol.asyncIterator in body
      ? body[Symbol.asyncIterator]()
      : body[Symbol.iterator]();
  let ended = false;
  return {
    next: () => iterator.next(),
    cancel() {
      if (ended) return undefined;
      ended = true;
      return iterator.return?.();
    },
  };
}

/** Through its reader: a ReadableStream's iterator answers `return()` only after the chunk that it is waiting for. */
function readerSource(reader: ReadableStreamDefaultReader<Chunk>): Source {
  return {
    next: () => reader.read() as Promise<IteratorResult<Chunk>>,
    cancel: () => reader.cancel(),
  };
}

/**
 * Sends a source to its end. `start` is called before the first chunk, or at the end of a source without any, so that
 * a source that fails at once can still be answered with an error. The next chunk is asked for when the client has
 * taken the one before. When the client goes away this returns and leaves the source to whoever cancels it.
 *
 * @throws what the source throws, and InvalidReplyError for a chunk that is neither string nor bytes; the source is
 * cancelled then.
 */
export async function pump(
  source: Source,
  out: ResponseWriter,
  start: () => void,
): Promise<void> {
  for (let sent = 1; ; sent++) {
    const step = source.next();
    const { done, value } = "then" in step ? await step : step;
    if (isGone(out)) return;
    if (done) break;
    checkChunk(value);
    if (sent === 1) start();
    if (!out.write(value)) await out.writable();
    else if (sent % CHUNKS_PER_TURN === 0) await setImmediate();
    if (isGone(out)) return;
  }
  if (out.state === "waiting") start();
  out.end();
}

function isGone(out: ResponseWriter): boolean {
  return out.state === "gone";
}

export function checkChunk(chunk: unknown): asserts chunk is Chunk {
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array))
    throw new InvalidReplyError(
      `a streamed body is made of strings and bytes, not of ${typeof chunk}`,
    );
}
