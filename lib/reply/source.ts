/**
 * A streamed body, whatever it is made of, as one thing: ask for the next chunk, or say that nobody wants the rest.
 */
import type { Readable } from "node:stream";
import { InvalidReplyError } from "../common/errors.ts";
import { isChunk, type ResponseWriter } from "../engine/uws/outlet.ts";
import type { Chunk } from "./types.ts";

export interface Source {
  readonly sync: boolean;
  next(): Step | PromiseLike<Step>;
  /** Ends it early: the generator's `finally` runs, the `ReadableStream` is cancelled, the Node.js stream destroyed. Does nothing once it has ended. */
  cancel(): unknown;
}

type Step = IteratorResult<Chunk, unknown>;

export type Streamable =
  Iterable<Chunk> | AsyncIterable<Chunk> | ReadableStream<Chunk>;

export function isStreamable(body: object): body is Streamable {
  return (
    Symbol.iterator in body ||
    Symbol.asyncIterator in body ||
    body instanceof ReadableStream
  );
}

/** An iterator that has ended or failed by itself is not told to end. */
export function sourceOf(body: Streamable): Source {
  if (body instanceof ReadableStream) return readerSource(readerOf(body));
  if (isNodeStream(body)) return nodeSource(body);
  return Symbol.asyncIterator in body
    ? asyncSource(body[Symbol.asyncIterator]())
    : syncSource(body[Symbol.iterator]());
}

function syncSource(iterator: Iterator<Chunk>): Source {
  let open = true;
  return {
    sync: true,
    next() {
      open = false;
      const step = iterator.next();
      open = !step.done;
      return step;
    },
    cancel() {
      if (!open) return undefined;
      open = false;
      return iterator.return?.();
    },
  };
}

function asyncSource(iterator: AsyncIterator<Chunk>): Source {
  let open = true;
  return {
    sync: false,
    async next() {
      try {
        const step = await iterator.next();
        if (step.done) open = false;
        return step;
      } catch (error) {
        open = false;
        throw error;
      }
    },
    cancel() {
      if (!open) return undefined;
      open = false;
      return iterator.return?.();
    },
  };
}

/** Also one of the package readable-stream. */
function isNodeStream(body: Streamable): body is Streamable & Readable {
  return "pipe" in body && "destroy" in body && "once" in body;
}

/** It has opened its file before anybody asks, and an end of its iterator does not reach it before the first chunk, nor while it waits for one. */
function nodeSource(stream: Readable): Source {
  return {
    ...asyncSource(stream[Symbol.asyncIterator]() as AsyncIterator<Chunk>),
    cancel: () => (stream.destroyed ? undefined : destroyed(stream)),
  };
}

function destroyed(stream: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("error", reject).once("close", resolve).destroy();
  });
}

function readerOf(
  body: ReadableStream<Chunk>,
): ReadableStreamDefaultReader<Chunk> {
  if (body.locked)
    throw new InvalidReplyError("somebody else reads this ReadableStream");
  return body.getReader();
}

/** Through its reader: a ReadableStream's iterator answers `return()` only after the chunk that it is waiting for. */
function readerSource(reader: ReadableStreamDefaultReader<Chunk>): Source {
  return asyncSource({
    next: () => reader.read() as Promise<Step>,
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  });
}

/** After a step: ask for the next, wait first, or stop, at the end or because the client is gone. */
type Progress = "more" | "wait" | "done";

/**
 * Sends a source to its end. `start` is called before the first chunk, or at the end of a source without any, so that
 * a source that fails at once can still be answered with an error. The next chunk is asked for when the client has
 * taken the one before. When the client goes away this returns and leaves the source to whoever cancels it.
 *
 * @throws what the source throws, and InvalidReplyError for a chunk that is neither string nor bytes.
 */
export async function pump(
  source: Source,
  out: ResponseWriter,
  start: () => void,
): Promise<void> {
  let progress: Progress;
  do {
    progress = source.sync
      ? sendInOneGo(source, out, start)
      : send(await source.next(), out, start);
    if (progress === "wait") await out.writable();
    if (out.state === "gone") return;
  } while (progress !== "done");
  if (out.state === "waiting") start();
  out.end();
}

/** What a synchronous source has until it is time to wait, many chunks in one piece. */
function sendInOneGo(
  source: Source,
  out: ResponseWriter,
  start: () => void,
): Progress {
  let step = source.next() as Step;
  let progress: Progress = "more";
  const sendThoseThatFit = (): void => {
    do {
      progress = send(step, out, start);
      if (progress === "more") step = source.next() as Step;
    } while (progress === "more" && out.hasRoom(step.value));
  };
  while (progress === "more") out.batch(step.value, sendThoseThatFit);
  return progress;
}

function send(
  { done, value }: Step,
  out: ResponseWriter,
  start: () => void,
): Progress {
  if (done || out.state === "gone") return "done";
  checkChunk(value);
  if (out.state === "waiting") start();
  return out.write(value) ? "more" : "wait";
}

export function checkChunk(chunk: unknown): asserts chunk is Chunk {
  if (!isChunk(chunk))
    throw new InvalidReplyError(
      `a streamed body is made of strings and bytes, not of ${typeof chunk}`,
    );
}
