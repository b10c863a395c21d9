/** Brings a reply to its client: whole, as a head alone, or piece by piece. */
import { until, type Operation, type Scope, type Future } from "effection";
import type { AsyncContext } from "../common/async-context.ts";
import {
  ClientAbortedError,
  InvalidReplyError,
  UsageError,
} from "../common/errors.ts";
import { future } from "../operations/future.ts";
import type { Chunk, Outlet, ReplyHead } from "../engine/engine.ts";
import { checkAllProduced } from "../engine/promised-length.ts";
import { fork } from "../kernel/fork.ts";
import { viewFork, type TaskView } from "../kernel/tree.ts";
import { forbidsBody } from "./head.ts";
import type { PreparedReply } from "./reply.ts";
import {
  checkChunk,
  drop,
  dropAll,
  end,
  sourceOf,
  type BodySource,
  type CleanupObserver,
  type Streamable,
} from "./source.ts";
import type { BodyWriter, StreamWriter } from "./types.ts";

/**
 * Bytes of a body that is sent whole. A larger one goes out as the client takes it, from the application's own memory:
 * the engine would copy what does not fit the socket.
 */
export const WHOLE_BYTES = 128 * 1024;

/**
 * Bytes, likewise, of the last reply of a connection: what is still in the engine when the connection is cut is lost.
 */
const WHOLE_LAST_BYTES = 2048;

/** A body on its way. */
export interface Delivery {
  /** Where it is, unless it waits for the client; with the tasks below it. */
  view(): BodyView;
  /** Nobody wants the rest: ends the source. `done` is still called. */
  stop(): void;
}

export interface BodyView {
  readonly waitsFor: string | undefined;
  readonly children: readonly TaskView[];
}

/** Who is told how a delivery went. */
export interface Recipient extends CleanupObserver {
  /** Operations that write run here. */
  readonly scope: Scope;
  /** Called once, when the body is complete or will never be; with what went wrong, if anything did. */
  done(error?: unknown): void;
}

/**
 * Writes `reply`, for a request of `method`. What can be written at once is, before this returns. Otherwise it returns
 * what is under way.
 *
 * @throws {InvalidReplyError} before anything is written.
 */
export function deliver(
  reply: PreparedReply,
  method: string,
  out: Outlet,
  recipient: Recipient,
): Delivery | undefined {
  const { head } = reply;
  if (method === "HEAD" || forbidsBody(head.status))
    return deliverHead(reply, method, out, recipient);
  switch (reply.kind) {
    case "whole":
      return deliverWhole(head, reply.body, out, recipient);
    case "stream":
      return within(reply.context, () =>
        deliverStream(head, reply.body, out, recipient),
      );
    case "writer":
      return within(reply.context, () =>
        deliverWritten(head, reply.body, out, recipient),
      );
  }
}

/** A body is the application's own: it is begun, and ended early, where it was made. */
function within(context: AsyncContext, begin: () => Delivery): Delivery {
  const delivery = context.runInAsyncScope(begin);
  return {
    stop: () => context.runInAsyncScope(() => delivery.stop()),
    view: () => delivery.view(),
  };
}

/** RFC 9110, section 9.3.2: HEAD says the length that GET would have, where it is known. */
function deliverHead(
  reply: PreparedReply,
  method: string,
  out: Outlet,
  recipient: Recipient,
): undefined {
  const { head } = reply;
  const known =
    reply.kind === "whole" ? Buffer.byteLength(reply.body) : undefined;
  out.sendHead(
    head,
    method === "HEAD" && !forbidsBody(head.status)
      ? (head.contentLength ?? known)
      : undefined,
  );
  discard(reply, recipient);
  doneWhenTaken(out, recipient);
}

function doneWhenTaken(out: Outlet, recipient: Recipient): void {
  if (out.state !== "streaming") recipient.done();
  else void out.taken().then(() => recipient.done());
}

function deliverWhole(
  head: ReplyHead,
  body: Chunk,
  out: Outlet,
  recipient: Recipient,
): Delivery | undefined {
  const isSmall = body.length <= (head.close ? WHOLE_LAST_BYTES : WHOLE_BYTES);
  const length =
    isSmall && head.contentLength === undefined
      ? undefined
      : Buffer.byteLength(body);
  if (length !== undefined) checkAllProduced(length, head.contentLength);
  if (isSmall) {
    out.send(head, body);
    doneWhenTaken(out, recipient);
    return undefined;
  }
  head.contentLength = length;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return deliverStream(head, [bytes], out, recipient);
}

function deliverStream(
  head: ReplyHead,
  body: Streamable,
  out: Outlet,
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
    end(source, recipient);
    finish(error);
  };
  pump(head, source, out).then(
    () => finish(),
    (error: unknown) => {
      if (Array.isArray(body)) dropAll(body, recipient); // which may be one of streams
      stop(somethingOf(error));
    },
  );
  return {
    stop: () => stop(),
    view: () => ({
      waitsFor: source.isAwaited() ? "the next chunk of its body" : undefined,
      children: [],
    }),
  };
}

/**
 * Sends a source to its end. The head is begun with the first chunk, or at the end of a source without any, so that a
 * source that fails at once can still be answered with an error. The next chunk is asked for when the client has taken
 * the one before. When the client goes away this returns and leaves the source to whoever cancels it.
 *
 * @throws what the source throws.
 */
async function pump(
  head: ReplyHead,
  source: BodySource,
  out: Outlet,
): Promise<void> {
  for (let isComplete = false; !isComplete;) {
    if (source.sync) {
      const step = source.next();
      out.start(head);
      isComplete = out.writeAll(step, source);
      if (!isComplete) await out.writable();
    } else {
      const step = await source.next();
      if (out.state === "gone") return;
      out.start(head);
      isComplete = step.done === true;
      if (!step.done && !out.write(step.value)) await out.writable();
    }
    if (out.state === "gone") return;
  }
  out.end();
  await out.taken();
}

function deliverWritten(
  head: ReplyHead,
  write: StreamWriter,
  out: Outlet,
  recipient: Recipient,
): Delivery {
  const writer = new Writer(out, head);
  const task = fork(
    recipient.scope,
    () => written(write, writer),
    (state, value) =>
      state === "error" ? recipient.done(somethingOf(value)) : recipient.done(),
  );
  return {
    stop: () => task.interrupt(),
    view() {
      const { waitsFor, children = [] } = viewFork(task) ?? {};
      return { waitsFor: writer.isHeld ? undefined : waitsFor, children };
    },
  };
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
  readonly #out: Outlet;
  readonly #head: ReplyHead;
  #ended = false;
  /** The client is behind. */
  isHeld = false;

  constructor(out: Outlet, head: ReplyHead) {
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
    return future(
      this.#out.write(chunk) ? Promise.resolve() : this.#untilWritable(),
    );
  }

  async #untilWritable(): Promise<void> {
    this.isHeld = true;
    await this.#out.writable();
    this.isHeld = false;
  }

  /** Done when the client has what was written without waiting. */
  *end(): Operation<void> {
    this.#ended = true;
    this.#out.start(this.#head);
    this.#out.end();
    while (this.#out.state === "streaming") yield* until(this.#out.writable());
  }
}

/** `throw undefined` is a failure, too. */
const somethingOf = (error: unknown): unknown =>
  error ?? new Error(`${error} was thrown`);

/** Nobody wants this reply. */
export function discard(reply: PreparedReply, observer: CleanupObserver): void {
  if (reply.kind !== "stream") return;
  reply.context.runInAsyncScope(drop, undefined, reply.body, observer);
}
