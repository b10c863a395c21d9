/** Calls a WSGI-style application and turns what it does into a reply. */
import { inspect } from "node:util";
import {
  bindContext,
  describe,
  WsgiError,
  type Chunk,
} from "../../lib/adapter.ts";
import { createEnviron, type CalledRequest } from "./environ.ts";
import { LogErrors } from "./errors.ts";
import {
  checkedChunk,
  StartedResponse,
  type StartedReply,
} from "./start-response.ts";
import type { ErrorStream, InputStream, WsgiApp, WsgiResult } from "./types.ts";

/**
 * @throws {WsgiError} when the application breaks a rule before its response begins; what it throws itself. In both
 * cases its result, if there is one, has been closed.
 */
export function runApp(
  app: WsgiApp,
  request: CalledRequest,
  input: InputStream,
  multiprocess: boolean,
): StartedReply {
  const response = new StartedResponse();
  const errors = new LogErrors(request);
  const environ = createEnviron({ request, input, errors, multiprocess });
  try {
    const result = app(environ, response.start);
    return isOneChunk(result) && response.written.length === 0
      ? response.reply(checkedChunk(result[0]))
      : new Chunks(result, response, request, errors).begin();
  } finally {
    errors.flush();
  }
}

/**
 * The common case: an array of one chunk. It has nothing to close, and its length is known (PEP 3333, "Handling the
 * Content-Length Header").
 */
function isOneChunk(result: WsgiResult): result is [Chunk] & WsgiResult {
  return Array.isArray(result) && result.length === 1 && !("close" in result);
}

/**
 * The body: what was given to `write()`, then the result. Empty chunks are left out, so that the response starts with
 * the first that has something in it. Ends and closes the result exactly once.
 */
class Chunks implements IterableIterator<Chunk> {
  readonly #result: WsgiResult;
  readonly #response: StartedResponse;
  readonly #request: CalledRequest;
  readonly #errors: ErrorStream;
  /** Missing before the first step, and again when it has ended or failed by itself: then it is not told to. */
  #iterator: Iterator<Chunk> | undefined;
  #first: IteratorResult<Chunk, undefined> | undefined;
  #closed = false;

  constructor(
    result: WsgiResult,
    response: StartedResponse,
    request: CalledRequest,
    errors: ErrorStream,
  ) {
    this.#result = result;
    this.#response = response;
    this.#request = request;
    this.#errors = errors;
  }

  /** Runs the application up to its first chunk: only then are status and headers final. */
  begin(): StartedReply {
    try {
      this.#iterator = iterate(this.#result);
      this.#first = this.#advance();
      void this.#request.remoteAddress; // for an environ that is read when the client has left
      return bindContext(this.#response.reply(this));
    } catch (error) {
      this.#closeAfter(error);
      throw error;
    }
  }

  next(): IteratorResult<Chunk, undefined> {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#advance();
  }

  return(): IteratorResult<Chunk, undefined> {
    if (!this.#closed) {
      this.#closed = true;
      try {
        this.#iterator?.return?.(); // a generator's `finally`
      } finally {
        try {
          this.#result?.close?.();
        } finally {
          this.#errors.flush();
        }
      }
    }
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #advance(): IteratorResult<Chunk, undefined> {
    try {
      const value = this.#take();
      return value === undefined
        ? { done: true, value }
        : { done: false, value };
    } catch (error) {
      this.#closeAfter(error);
      throw error;
    }
  }

  #take(): Chunk | undefined {
    const { written } = this.#response;
    while (written.length === 0 && !this.#closed) {
      const step = this.#step();
      if (step.done) this.return();
      else if (checkedChunk(step.value).length > 0) written.push(step.value);
    }
    return written.shift();
  }

  #step(): IteratorResult<Chunk> {
    const iterator = this.#iterator!;
    this.#iterator = undefined;
    const step = iterator.next();
    if (!step.done) this.#iterator = iterator;
    return step;
  }

  /** Must not hide the error that came first. */
  #closeAfter(error: unknown): void {
    try {
      this.return();
    } catch (second) {
      this.#request.log.warn(
        { err: second },
        `close() failed, too, after ${describe(error)}`,
      );
    }
  }
}

function iterate(result: WsgiResult): Iterator<Chunk> {
  if (isChunk(result))
    throw new WsgiError(
      "the application returned one chunk in place of an iterable of chunks; put it into an array",
    );
  if (result instanceof Promise) {
    result.catch(() => {}); // the mistake is another one, and this failure must not end the process
    throw new WsgiError(
      "the application is an async function; mount it as a handler, without wsgi()",
    );
  }
  if (typeof result?.[Symbol.iterator] !== "function" || isLookup(result))
    throw new WsgiError(
      `the application returned ${inspect(result)} in place of an iterable of chunks; return an array or a generator of strings or bytes`,
    );
  return result[Symbol.iterator]();
}

function isChunk(result: object): boolean {
  const value: unknown = result?.valueOf(); // of a String object too
  return typeof value === "string" || value instanceof Uint8Array;
}

/**
 * What has values by name is not a sequence of chunks, even when it is empty: FormData, Headers, URLSearchParams,
 * Map.
 */
function isLookup(result: object): boolean {
  const { get, has } = result as Partial<Map<string, unknown>>;
  return typeof get === "function" && typeof has === "function";
}
