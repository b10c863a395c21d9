/**
 * A streamed body, whatever it is made of, as one thing: ask for the next chunk, or say that nobody wants the rest.
 */
import type { Readable } from "node:stream";
import { InvalidReplyError } from "../common/errors.ts";
import { isObject } from "../common/thrown.ts";
import type { Chunk, Step } from "../engine/engine.ts";

/** Gives the next chunk at once, or some time. What it gives is checked. */
export type BodySource = SyncSource | AsyncSource;

interface SyncSource extends Cancelable {
  readonly sync: true;
  next(): Step;
}

interface AsyncSource extends Cancelable {
  readonly sync: false;
  next(): Promise<Step>;
}

interface Cancelable {
  /** It was asked for the next chunk, which has not come yet. */
  isAwaited(): boolean;
  /**
   * Ends it early: the generator's `finally` runs, the `ReadableStream` is cancelled, the Node.js stream destroyed.
   * Does nothing once it has ended.
   */
  cancel(): unknown;
}

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
export function sourceOf(body: Streamable): BodySource {
  if (body instanceof ReadableStream) return readerSource(readerOf(body));
  if (isNodeStream(body)) return nodeSource(body);
  return Symbol.asyncIterator in body
    ? asyncSource(body[Symbol.asyncIterator]())
    : syncSource(body[Symbol.iterator]());
}

function syncSource(iterator: Iterator<Chunk>): SyncSource {
  let open = true;
  return {
    sync: true,
    isAwaited: () => false,
    next() {
      open = false;
      const step = iterator.next();
      open = !step.done;
      return checked(step);
    },
    cancel() {
      if (!open) return undefined;
      open = false;
      return iterator.return?.();
    },
  };
}

function asyncSource(iterator: AsyncIterator<Chunk>): AsyncSource {
  let open = true;
  let awaited = false;
  return {
    sync: false,
    isAwaited: () => awaited,
    async next() {
      let step: Step;
      try {
        awaited = true;
        step = await iterator.next();
      } catch (error) {
        open = false;
        throw error;
      } finally {
        awaited = false;
      }
      if (step.done) open = false;
      return checked(step);
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

/**
 * It has opened its file before anybody asks, and an end of its iterator does not reach it before the first chunk, nor
 * while it waits for one.
 */
function nodeSource(stream: Readable): AsyncSource {
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
function readerSource(reader: ReadableStreamDefaultReader<Chunk>): AsyncSource {
  return asyncSource({
    next: () => reader.read() as Promise<Step>,
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  });
}

function checked(step: Step): Step {
  if (!step.done) checkChunk(step.value);
  return step;
}

/** @throws {InvalidReplyError} for a chunk that is neither string nor bytes. */
export function checkChunk(chunk: unknown): asserts chunk is Chunk {
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array))
    throw new InvalidReplyError(
      `a streamed body is made of strings and bytes, not of ${typeof chunk}`,
    );
}

/** Who is told that ending a source early has failed: there is no reply left to change. */
export interface CleanupObserver {
  onCleanupError(error: unknown): void;
}

/** Drops a body that will not be sent; a source that was never started may own something, too. */
export function drop(body: Streamable, observer: CleanupObserver): void {
  if (body instanceof ReadableStream && body.locked) return;
  try {
    end(sourceOf(body), observer);
  } catch (error) {
    observer.onCleanupError(error); // of an iterator that cannot be made
  }
}

/**
 * Drops all bodies in something that was meant for a reply and is none: it itself, and its members. Those of an object
 * of some class are not the reply's, but its own.
 */
export function dropAll(given: unknown, observer: CleanupObserver): void {
  try {
    for (const one of [given, ...membersOf(given)]) {
      const body = one instanceof Response ? one.body : one;
      if (isObject(body) && isStreamable(body)) drop(body, observer);
    }
  } catch {
    // a Proxy that nobody may look at: that it is no reply is said already
  }
}

/** Without a call of anything of its own. */
function membersOf(given: unknown): unknown[] {
  if (!isObject(given) || !(isPlain(given) || Array.isArray(given))) return [];
  const members = Object.getOwnPropertyDescriptors(given);
  return Object.values(members).map(({ value }) => value as unknown);
}

export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Ends a source early, now or when it gets round to it. */
export function end(source: BodySource, observer: CleanupObserver): void {
  const tell = (error: unknown): void => observer.onCleanupError(error);
  try {
    Promise.resolve(source.cancel()).catch(tell);
  } catch (error) {
    tell(error);
  }
}
