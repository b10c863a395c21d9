/** Calls a WSGI-style application and turns what it does into a reply. */
import {
  WsgiError,
  type Chunk,
  type GatewayRequest,
  type GatewayResponse,
} from "../../lib/adapter.ts";
import { createEnviron } from "./environ.ts";
import { checkChunk, StartedResponse } from "./start-response.ts";
import type { WsgiApp, WsgiResult } from "./types.ts";

/**
 * @throws {WsgiError} when the application breaks a rule before its response begins; what it throws itself. In both
 * cases its result, if there is one, has been closed.
 */
export function runApp(
  app: WsgiApp,
  request: GatewayRequest,
  body: Uint8Array,
): GatewayResponse {
  const response = new StartedResponse();
  const environ = createEnviron(request, body);
  const errors = environ["wsgi.errors"];
  try {
    const result = app(environ, response.start);
    return isOneChunk(result) && response.written.length === 0
      ? response.reply(checkChunk(result[0]))
      : new Chunks(checkResult(result), response).begin();
  } finally {
    errors.flush();
  }
}

/** The common case: an array of one. It has nothing to close, and its length is known (PEP 3333, "Handling the Content-Length Header"). */
function isOneChunk(result: WsgiResult): result is [Chunk] & WsgiResult {
  return Array.isArray(result) && result.length === 1 && !("close" in result);
}

function checkResult(result: WsgiResult): WsgiResult {
  if (typeof result === "string" || result instanceof Uint8Array)
    throw new WsgiError(
      "the application returned one chunk in place of an iterable of chunks; put it into an array",
    );
  if (typeof result?.[Symbol.iterator] !== "function")
    throw new WsgiError(
      `the application returned ${typeof result} in place of an iterable of chunks`,
    );
  return result;
}

/**
 * The body: what was given to `write()`, then the result. Empty chunks are left out, so that the response starts with
 * the first that has something in it. Ends and closes the result exactly once.
 */
class Chunks implements IterableIterator<Chunk> {
  readonly #result: WsgiResult;
  readonly #response: StartedResponse;
  readonly #iterator: Iterator<Chunk>;
  #first: IteratorResult<Chunk, undefined> | undefined;
  #closed = false;

  constructor(result: WsgiResult, response: StartedResponse) {
    this.#result = result;
    this.#response = response;
    this.#iterator = result[Symbol.iterator]();
  }

  /** Runs the application up to its first chunk: only then are status and headers final. */
  begin(): GatewayResponse {
    try {
      this.#first = this.#advance();
      return this.#response.reply(this);
    } catch (error) {
      this.return();
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
        this.#iterator.return?.(); // a generator's `finally`
      } finally {
        this.#result.close?.();
      }
    }
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #advance(): IteratorResult<Chunk, undefined> {
    const { written } = this.#response;
    while (written.length === 0 && !this.#closed) {
      const step = this.#iterator.next();
      if (step.done) this.return();
      else if (checkChunk(step.value).length > 0) written.push(step.value);
    }
    const value = written.shift();
    return value === undefined ? { done: true, value } : { done: false, value };
  }
}
