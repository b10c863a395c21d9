/** Brings a reply to its client: whole, as a head alone, or piece by piece. */
import type { Future, Operation, Scope } from "effection";
import type { AsyncContext } from "../common/async-context.ts";
import {
  ClientAbortedError,
  InvalidReplyError,
  UsageError,
} from "../common/errors.ts";
import type { Chunk, Outlet, ReplyHead, Step } from "../engine/engine.ts";
import { DONE, future } from "../operations/future.ts";
import { checkAllProduced } from "../engine/promised-length.ts";
import { until } from "../operations/restated.ts";
import { fork, type ForkOwner, type Fork } from "../kernel/fork.ts";
import { viewFork, type TaskView } from "../kernel/tree.ts";
import type { ReplyWriter } from "./events.ts";
import { forbidsBody } from "./head.ts";
import type { PreparedReply } from "./reply.ts";
import {
  checkChunk,
  drop,
  dropAll,
  end,
  sourceOf,
  type AsyncSource,
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

interface BodyView {
  readonly waitsFor: string | undefined;
  readonly children: readonly TaskView[];
}

/** Who is told how a delivery went. */
export interface Recipient extends CleanupObserver, ForkOwner {
  /** `tell` is called when the loop begins to drain. Gives what calls it off. */
  onDraining(tell: () => void): () => void;
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
    return deliverHead(reply, out, recipient);
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

/**
 * RFC 9110, section 9.3.2: HEAD says the length that GET would have, where it is known. An application that leaves the
 * body away for HEAD has none to tell.
 */
function deliverHead(
  reply: PreparedReply,
  out: Outlet,
  recipient: Recipient,
): undefined {
  const { head } = reply;
  const known =
    reply.kind === "whole" && reply.isAbsent !== true
      ? Buffer.byteLength(reply.body)
      : undefined;
  const length = forbidsBody(head.status)
    ? lengthWithoutBody(head.status)
    : (head.contentLength ?? known);
  out.sendHead(head, length);
  discard(reply, recipient);
  doneWhenTaken(out, recipient);
}

/** RFC 9110, section 15.3.6: a client knows of 204 and 304 that they end with their head, but not of 205. */
const lengthWithoutBody = (status: number): number | undefined =>
  status === 205 ? 0 : undefined;

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
  const isSmall = isSentWhole(head, body);
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

function isSentWhole(head: ReplyHead, body: Chunk): boolean {
  return body.length <= (head.close ? WHOLE_LAST_BYTES : WHOLE_BYTES);
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
      if (!source.sync) source.failed();
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
  const ahead = source.sync ? [] : await sendIfOne(head, source, out);
  if (ahead === undefined) return untilTaken(out);
  for (let isComplete = false; !isComplete;) {
    if (source.sync) {
      const step = source.next();
      out.start(head);
      isComplete = out.writeAll(step, source);
      if (!isComplete) await out.writable();
    } else {
      const given = ahead.shift() ?? source.next();
      const step = "then" in given ? source.came(await given) : given;
      if (out.state === "gone") return;
      out.start(head);
      isComplete = step.done === true;
      if (!step.done && !out.write(step.value)) await out.writable();
    }
    if (out.state === "gone") return;
  }
  out.end();
  await untilTaken(out);
}

async function untilTaken(out: Outlet): Promise<void> {
  if (out.state === "streaming") await out.taken();
}

/**
 * Of a body that may be a single chunk, as that of a `Response` of text or bytes is: if it ends within the turn of its
 * first chunk, it is sent whole, with its length, and undefined is given. Otherwise the steps so far: what it throws
 * behind that chunk, the chunk has to go before.
 */
async function sendIfOne(
  head: ReplyHead,
  source: AsyncSource,
  out: Outlet,
): Promise<(Step | PromiseLike<Step>)[] | undefined> {
  if (
    source.isOver === undefined ||
    head.contentLength !== undefined ||
    head.trailers !== undefined
  )
    return [];
  const given = source.next();
  const first = "then" in given ? source.came(await given) : given;
  if (!first.done && !source.isOver) {
    const next = source.next();
    if (!(await endsNow(next))) return [first, next];
  }
  const chunk = first.done ? "" : first.value;
  if (!isSentWhole(head, chunk)) {
    head.contentLength = Buffer.byteLength(chunk);
    return [first];
  }
  out.send(head, chunk);
  return undefined;
}

/** Within this turn. */
async function endsNow(next: Step | PromiseLike<Step>): Promise<boolean> {
  let isEnd = false;
  Promise.resolve(next).then(
    ({ done }) => (isEnd = done === true),
    () => {}, // whoever takes the step gets that
  );
  await new Promise<void>((resolve) => process.nextTick(resolve));
  return isEnd;
}

function deliverWritten(
  head: ReplyHead,
  write: StreamWriter,
  out: Outlet,
  recipient: Recipient,
): Delivery {
  const writer = new Writer(out, head, recipient);
  const task = fork(
    recipient.scope,
    () => writing(write, writer),
    (state, value) => {
      writer.forgetDrain?.();
      if (state === "error") recipient.done(somethingOf(value));
      else if (state === "halted" && writer.isEnding)
        writer.endNow().then(
          () => recipient.done(),
          (error: unknown) => recipient.done(error),
        );
      else recipient.done();
    },
    recipient,
  );
  writer.interruptedBy(task);
  return {
    stop: () => task.interrupt(),
    view() {
      const { waitsFor, children = [] } = viewFork(task) ?? {};
      return { waitsFor: writer.isBehind ? undefined : waitsFor, children };
    },
  };
}

function* writing(write: StreamWriter, out: Writer): Operation<void> {
  yield* written(write, out);
  yield* out.end();
}

/** @throws {InvalidReplyError} for a function that writes in no way that is known. */
export function* written(
  write: StreamWriter,
  out: BodyWriter,
): Operation<void> {
  const result = write(out);
  if (!isWork(result))
    throw new InvalidReplyError(
      "a function that writes is an operation or async; a generator of pieces is called first: stream(rows())",
    );
  if ("then" in result) yield* future(result);
  else yield* result;
}

function isWork(result: unknown): boolean {
  return (
    typeof result === "object" &&
    result !== null &&
    ("then" in result || Symbol.iterator in result)
  );
}

class Writer implements ReplyWriter {
  readonly #out: Outlet;
  readonly #head: ReplyHead;
  #ended = false;
  readonly #recipient: Recipient;
  #task: Fork | undefined;
  isBehind = false;
  /** The loop drains, and the body ends as it is. */
  isEnding = false;
  forgetDrain: (() => void) | undefined;

  constructor(out: Outlet, head: ReplyHead, recipient: Recipient) {
    this.#out = out;
    this.#head = head;
    this.#recipient = recipient;
  }

  endWhenDraining(): void {
    this.forgetDrain ??= this.#recipient.onDraining(() => {
      this.isEnding = true;
      this.#task?.interrupt();
    });
  }

  /** Whoever writes. It may have begun before this is called. */
  interruptedBy(task: Fork): void {
    this.#task = task;
    if (this.isEnding) task.interrupt();
  }

  write(chunk: Chunk): Future<void> {
    checkChunk(chunk);
    // An operation has been halted by then; an async function that writes in a loop would never stop.
    if (this.#out.state === "gone")
      return future(Promise.reject(new ClientAbortedError()));
    if (this.#ended)
      return future(Promise.reject(new UsageError("the body has ended")));
    this.#out.start(this.#head);
    return this.#out.write(chunk) ? DONE : future(this.#untilWritable());
  }

  async #untilWritable(): Promise<void> {
    this.isBehind = true;
    await this.#out.writable();
    this.isBehind = false;
  }

  async endNow(): Promise<void> {
    this.#finish();
    await this.#out.taken();
  }

  #finish(): void {
    this.#ended = true;
    this.#out.start(this.#head);
    this.#out.end();
  }

  /** Done when the client has what was written without waiting. */
  *end(): Operation<void> {
    this.#finish();
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
