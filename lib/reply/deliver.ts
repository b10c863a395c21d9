/** Brings a reply to its client: whole, as a head alone, or piece by piece. */
import { until, type Future, type Operation, type Scope } from "effection";
import {
  ClientAbortedError,
  InvalidReplyError,
  UsageError,
} from "../common/errors.ts";
import { future } from "../operations/future.ts";
import { fork } from "../kernel/fork.ts";
import { forbidsBody, headOf } from "./reply.ts";
import type { Head, ResponseWriter } from "../engine/uws/outlet.ts";
import {
  checkChunk,
  isStreamable,
  pump,
  sourceOf,
  type Streamable,
} from "./source.ts";
import type {
  BodyWriter,
  Chunk,
  GatewayResponse,
  StreamWriter,
} from "./types.ts";

/** Larger bodies go out as the client takes them, from the application's own memory: the engine would copy what does not fit the socket. */
export const WHOLE_BYTES = 128 * 1024;

/** While the loop drains, so do these: the last that is written with the end of a connection may still be in the engine when the loop cuts it. */
const WHOLE_LAST_BYTES = 2048;

/** A body on its way. */
export interface Delivery {
  /** Nobody wants the rest: ends the source. `done` is still called. */
  stop(): void;
}

/** What a delivery depends on beside the reply. */
interface Circumstances {
  readonly method: string;
  readonly scope: Scope;
  /** The client wants no further reply on this connection. */
  readonly close: boolean;
  /** Nor will it get one. */
  readonly draining: boolean;
}

/** Who is told how a delivery went. */
export interface Recipient {
  /** Called once, when the body is complete or will never be; with what went wrong, if anything did. */
  done(error?: unknown): void;
  /** Ending a source early failed. */
  strayError(error: unknown): void;
}

/**
 * Writes `response`. What can be written at once is, before this returns. Otherwise it returns what is under way.
 *
 * @throws {InvalidReplyError} before anything is written.
 */
export function deliver(
  response: GatewayResponse,
  out: ResponseWriter,
  { method, scope, close, draining }: Circumstances,
  recipient: Recipient,
): Delivery | undefined {
  const head = headOf(response);
  head.close ||= close || draining;
  const { body } = response;
  if (method === "HEAD" || forbidsBody(head.status)) {
    sendWithoutBody(head, body, out, method, recipient);
    return undefined;
  }
  if (
    body === null ||
    body === undefined ||
    typeof body === "string" ||
    body instanceof Uint8Array
  ) {
    const limit = draining ? WHOLE_LAST_BYTES : WHOLE_BYTES;
    return deliverWhole(head, body ?? "", limit, out, recipient);
  }
  if (typeof body === "function")
    return deliverWritten(head, body, out, scope, recipient);
  if (isStream(body)) return deliverStream(head, body, out, recipient);
  throw new InvalidReplyError(
    `a body is a string, bytes, an iterable, a ReadableStream or a function that writes`,
  );
}

/** RFC 9110, section 9.3.2: HEAD says the length that GET would have, where it is known. */
function sendWithoutBody(
  head: Head,
  body: GatewayResponse["body"],
  out: ResponseWriter,
  method: string,
  recipient: Recipient,
): void {
  const known =
    typeof body === "string"
      ? Buffer.byteLength(body)
      : body instanceof Uint8Array
        ? body.length
        : undefined;
  out.sendHead(
    head,
    method === "HEAD" && !forbidsBody(head.status)
      ? (head.contentLength ?? known)
      : undefined,
  );
  discard(body, recipient);
  recipient.done();
}

function deliverWhole(
  head: Head,
  body: Chunk,
  limit: number,
  out: ResponseWriter,
  recipient: Recipient,
): Delivery | undefined {
  const small = body.length <= limit;
  const length =
    small && head.contentLength === undefined
      ? undefined
      : Buffer.byteLength(body);
  if (head.contentLength !== undefined && head.contentLength !== length)
    throw new InvalidReplyError(
      `the body has ${length} bytes, its content-length says ${head.contentLength}`,
    );
  if (small) {
    out.send(head, body);
    if (out.state !== "streaming") recipient.done();
    else void out.taken().then(() => recipient.done());
    return undefined;
  }
  head.contentLength = length;
  return deliverStream(
    head,
    [typeof body === "string" ? Buffer.from(body) : body],
    out,
    recipient,
  );
}

function deliverStream(
  head: Head,
  body: Streamable,
  out: ResponseWriter,
  recipient: Recipient,
): Delivery {
  const source = sourceOf(body);
  let underWay = true;
  const finish = (error?: unknown): void => {
    if (!underWay) return;
    underWay = false;
    recipient.done(error);
  };
  // A source that waits for something of its own may not notice for long; it is dropped here and now.
  const stop = (error?: unknown): void => {
    settle(() => source.cancel(), recipient);
    finish(error);
  };
  pump(source, out, () => out.start(head)).then(() => finish(), stop);
  return { stop: () => stop() };
}

function deliverWritten(
  head: Head,
  write: StreamWriter,
  out: ResponseWriter,
  scope: Scope,
  recipient: Recipient,
): Delivery {
  const task = fork(
    scope,
    () => written(write, new Writer(out, head)),
    (state, value) =>
      state === "error" ? recipient.done(value) : recipient.done(),
  );
  return { stop: () => task.interrupt() };
}

function* written(write: StreamWriter, out: Writer): Operation<void> {
  const result = write(out);
  if (!isWork(result))
    throw new InvalidReplyError(
      "a function that writes is an operation or async; a generator of pieces is called first: stream(rows())",
    );
  if ("then" in result) yield* future(result);
  else yield* result;
  yield* out.end();
}

function isWork(result: unknown): boolean {
  return (
    typeof result === "object" &&
    result !== null &&
    ("then" in result || Symbol.iterator in result)
  );
}

class Writer implements BodyWriter {
  readonly #out: ResponseWriter;
  readonly #head: Head;
  #ended = false;

  constructor(out: ResponseWriter, head: Head) {
    this.#out = out;
    this.#head = head;
  }

  write(chunk: Chunk): Future<void> {
    checkChunk(chunk);
    // An operation has been halted by then; an async function that writes in a loop would never stop.
    if (this.#out.state === "gone")
      return future(Promise.reject(new ClientAbortedError()));
    if (this.#ended)
      return future(Promise.reject(new UsageError("the body has ended")));
    this.#out.start(this.#head);
    const taken = this.#out.write(chunk);
    return future(taken ? Promise.resolve() : this.#out.writable());
  }

  /** Done when the client has what was written without waiting. */
  *end(): Operation<void> {
    this.#ended = true;
    this.#out.start(this.#head);
    this.#out.end();
    while (this.#out.state === "streaming") yield* until(this.#out.writable());
  }
}

function isStream(body: GatewayResponse["body"]): body is Streamable {
  return (
    typeof body === "object" &&
    body !== null &&
    !(body instanceof Uint8Array) &&
    isStreamable(body)
  );
}

/** Drops a body that will not be sent; a source that was never started may own something, too. */
export function discard(
  body: GatewayResponse["body"],
  recipient: Pick<Recipient, "strayError">,
): void {
  if (isStream(body) && !(body instanceof ReadableStream && body.locked))
    settle(() => sourceOf(body).cancel(), recipient);
}

/** Ends a source early, now or when it gets round to it; what its cleanup throws has no reply left to change. */
function settle(
  cancel: () => unknown,
  recipient: Pick<Recipient, "strayError">,
): void {
  const stray = (error: unknown): void => recipient.strayError(error);
  try {
    Promise.resolve(cancel()).catch(stray);
  } catch (error) {
    stray(error);
  }
}
