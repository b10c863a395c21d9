/**
 * A streamed body, whatever it is made of, as one thing: ask for the next chunk, or say that nobody wants the rest.
 */
import { finished, type Readable } from "node:stream";
import { isUint8Array } from "node:util/types";
import { InvalidReplyError } from "../common/errors.ts";
import { isObject } from "../common/thrown.ts";
import type { Chunk, Step } from "../engine/engine.ts";
import { isWebResponse } from "./web.ts";

/** Gives the next chunk at once, or some time. */
export type BodySource = SyncSource | AsyncSource;

interface SyncSource {
  readonly sync: true;
  /** What it gives is checked. */
  next(): Step;
  isAwaited(): boolean;
  cancel(): unknown;
}

/**
 * Whoever asks it says what became of that, by `came` or `failed`: a promise around each chunk to see to it here would
 * cost more than the chunk.
 */
export abstract class AsyncSource {
  readonly sync = false;
  #open = true;
  #awaited = false;

  protected abstract ask(): Step | PromiseLike<Step>;
  protected abstract stop(): unknown;

  /** It has ended, as a ReadableStream says without being asked for a further chunk. Undefined: it never says so. */
  get isOver(): boolean | undefined {
    return undefined;
  }

  /** What it gives at once has come. One further chunk may be asked for before the client has taken the last. */
  next(): Step | PromiseLike<Step> {
    this.#awaited = true;
    const given = this.ask();
    return "then" in given ? given : this.came(given);
  }

  /** What the promise gave. @throws {InvalidReplyError} for what is no chunk. */
  came(step: Step): Step {
    this.#awaited = false;
    if (step.done) this.#open = false;
    return checked(step);
  }

  /** Something went wrong: with it, if it was asked for a chunk. */
  failed(): void {
    if (this.#awaited) this.#open = this.#awaited = false;
  }

  /** It was asked for the next chunk, which has not come yet. */
  isAwaited(): boolean {
    return this.#awaited;
  }

  /**
   * Ends it early: the generator's `finally` runs, the `ReadableStream` is cancelled, the Node.js stream destroyed.
   * Does nothing once it has ended.
   */
  cancel(): unknown {
    if (!this.#open) return undefined;
    this.#open = false;
    return this.stop();
  }
}

export type Streamable =
  Iterable<Chunk> | AsyncIterable<Chunk> | ReadableStream<Chunk>;

export function isStreamable(body: object): body is Streamable {
  return (
    Symbol.iterator in body || Symbol.asyncIterator in body || isWebStream(body)
  );
}

/** Also one of another package or realm. */
function isWebStream(body: object): body is ReadableStream<Chunk> {
  return "getReader" in body && "locked" in body;
}

/** An iterator that has ended or failed by itself is not told to end. */
export function sourceOf(body: Streamable): BodySource {
  if (isWebStream(body)) return new ReaderSource(readerOf(body));
  if (isNodeStream(body)) return new NodeSource(body);
  return Symbol.asyncIterator in body
    ? new IteratorSource(body[Symbol.asyncIterator]())
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

class IteratorSource extends AsyncSource {
  readonly #iterator: AsyncIterator<Chunk>;

  constructor(iterator: AsyncIterator<Chunk>) {
    super();
    this.#iterator = iterator;
  }

  protected ask(): Promise<Step> {
    return this.#iterator.next();
  }

  protected stop(): unknown {
    return this.#iterator.return?.();
  }
}

/** Also one of the package readable-stream. */
function isNodeStream(body: Streamable): body is Streamable & Readable {
  return "pipe" in body && "destroy" in body && "once" in body;
}

/**
 * What it has is taken without a wait; its iterator would make promises for each chunk. Nor does an end of that reach
 * it before the first chunk, or while it waits for one, and it has opened its file before anybody asks.
 */
class NodeSource extends AsyncSource {
  readonly #stream: Readable;
  #state: "new" | "open" | "ended" = "new";
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(stream: Readable) {
    super();
    this.#stream = stream;
  }

  protected ask(): Step | Promise<Step> {
    if (this.#state === "new") this.#listen();
    return this.#take() ?? this.#wait();
  }

  #listen(): void {
    this.#state = "open";
    const wake = (): void => this.#wake?.();
    const over = (error?: unknown): void => {
      this.#state = "ended";
      this.#error ??= error;
      wake();
    };
    this.#stream.on("readable", wake).once("end", over);
    finished(this.#stream, { writable: false }, over); // it fails, or is closed before its end
  }

  #take(): Step | undefined {
    const stream = this.#stream;
    const value = (stream.destroyed ? null : stream.read()) as Chunk | null;
    if (value !== null) return { done: false, value };
    if (this.#state === "open") return undefined;
    if (this.#error) throw this.#error;
    return { done: true, value: undefined };
  }

  async #wait(): Promise<Step> {
    for (;;) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      const step = this.#take();
      if (step !== undefined) return step;
    }
  }

  /** It may not have closed itself. */
  override failed(): void {}

  protected stop(): unknown {
    return this.#stream.destroyed ? undefined : destroyed(this.#stream);
  }
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
class ReaderSource extends AsyncSource {
  readonly #reader: ReadableStreamDefaultReader<Chunk>;
  #isOver = false;

  constructor(reader: ReadableStreamDefaultReader<Chunk>) {
    super();
    this.#reader = reader;
    reader.closed?.then(
      () => (this.#isOver = true),
      () => {}, // a read fails then
    );
  }

  override get isOver(): boolean {
    return this.#isOver;
  }

  protected ask(): Promise<Step> {
    return this.#reader.read() as Promise<Step>;
  }

  protected stop(): unknown {
    return this.#reader.cancel();
  }
}

function checked(step: Step): Step {
  if (!step.done) checkChunk(step.value);
  return step;
}

/** @throws {InvalidReplyError} for a chunk that is neither string nor bytes. */
export function checkChunk(chunk: unknown): asserts chunk is Chunk {
  if (typeof chunk !== "string" && !isUint8Array(chunk))
    // of another realm, too
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
  if (isWebStream(body) && body.locked) return;
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
      const body = isWebResponse(one) ? one.body : one;
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
