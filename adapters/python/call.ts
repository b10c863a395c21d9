/** One request for a worker, from the queue to the end of its reply. */
import { until, type Operation } from "eddy/operations";
import {
  CheckedHeaders,
  HOP_BY_HOP,
  PythonError,
  type GatewayRequest,
  type GatewayResponse,
} from "../../lib/adapter.ts";
import type { Ahead } from "../common/ahead.ts";
import { PushedBody, type BodySender } from "../common/pushed-body.ts";
import type { ReplyReceiver } from "../common/submit.ts";
import {
  FROM_WORKER,
  INLINE_BYTES,
  pieceOf,
  type WorkerFrame,
} from "./protocol.ts";

/** Bytes of a reply that wait in memory for the client before the worker has to. Four pieces of 64 KiB. */
const WINDOW = 256 * 1024;

/** What a call needs of the connection that it was given to. */
export interface CallConnection {
  /** Enough is here: no more is to be sent for now. */
  pause(): void;
  resume(): void;
  /** Nobody waits for its reply any more. */
  drop(call: PythonCall): void;
}

export class PythonCall implements BodySender {
  readonly request: GatewayRequest;
  /** What the worker is told of the request before its body. */
  readonly head: string;
  readonly upload: Upload | undefined;
  readonly #receiver: ReplyReceiver;
  readonly #ahead: Ahead | undefined;
  /** Since it has left the queue. */
  connection: CallConnection | undefined;
  #body: PushedBody<Uint8Array> | undefined;
  /** `dropped`: its exchange ended before its reply. */
  #state: "open" | "replied" | "dropped" = "open";

  constructor(
    request: GatewayRequest,
    head: string,
    upload: Upload | undefined,
    receiver: ReplyReceiver,
    ahead: Ahead | undefined,
  ) {
    this.request = request;
    this.head = head;
    this.upload = upload;
    this.#receiver = receiver;
    this.#ahead = ahead;
  }

  /** Somebody waits for its reply, or the rest of it. */
  get open(): boolean {
    return this.#state === "open";
  }

  get dropped(): boolean {
    return this.#state === "dropped";
  }

  /** Its body follows in pieces, or did, so it stays with the thread that it was given to. */
  get streams(): boolean {
    return this.upload !== undefined && !this.upload.whole;
  }

  /** A part of its reply is on its way to the client. */
  get replies(): boolean {
    return this.#body !== undefined;
  }

  /** For the log. */
  get line(): string {
    const { method, mountPath, path } = this.request;
    return `${method} ${mountPath}${path}`;
  }

  /** Takes a frame of its reply. */
  receive(frame: WorkerFrame): void {
    if (!this.open) return;
    const { type, bytes, start, end } = frame;
    if (type & FROM_WORKER.fail) {
      const traceback = bytes.toString("utf8", start, end);
      this.fail(this.upload?.error ?? new PythonError(traceback));
    } else if (type & FROM_WORKER.head) this.#begin(frame);
    else {
      this.#push(pieceOf(frame, start));
      if (!(type & FROM_WORKER.end)) return;
      this.#state = "replied";
      this.#body!.end();
    }
  }

  /** There will be no reply, or no more of it. */
  fail(error: Error): void {
    if (!this.open) return;
    this.#state = "replied";
    this.#body?.end(error);
    this.#receiver.reject(error);
  }

  get waits(): boolean {
    return this.#body!.waiting > WINDOW;
  }

  taken(_chunks: number, _length: number): void {
    if (!this.waits) this.connection?.resume();
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    if (!this.open) return;
    this.#state = "dropped";
    this.#body?.end();
    this.connection?.drop(this);
  }

  #begin(frame: WorkerFrame): void {
    const { bytes, start } = frame;
    const at = start + 2 + bytes.readUInt16LE(start);
    const text = bytes.toString("latin1", start + 2, at);
    try {
      const { status, statusText, headers } = readHead(text);
      const body = this.#bodyOf(frame, at);
      // with a spread of the head each would have a hidden class of its own
      const response = { status, statusText, headers, body };
      this.#receiver.resolve(this.complete(response));
    } catch (error) {
      this.fail(error as Error); // a header field that is not valid
    }
  }

  /** What an interface has more. */
  protected complete(response: GatewayResponse): GatewayResponse {
    return response;
  }

  /** Most replies come whole. */
  #bodyOf(frame: WorkerFrame, at: number): GatewayResponse["body"] {
    if (frame.type & FROM_WORKER.end) {
      this.#state = "replied";
      return at === frame.end ? null : pieceOf(frame, at);
    }
    this.#body = new PushedBody(this, this.#ahead);
    this.#push(pieceOf(frame, at));
    return this.#body;
  }

  #push(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#body!.push(piece);
    if (this.waits) this.connection?.pause();
  }
}

/** The body of a request on its way to a worker: with the request when it is small, else in pieces. */
export class Upload {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #begun: Uint8Array[] = [];
  /** `first` is all of it. */
  whole = false;
  /** The application may be waiting for the client. */
  waits = false;
  /** Why the rest does not come, which is not the application's fault. */
  error: Error | undefined;

  constructor(request: GatewayRequest) {
    this.#chunks = request.body[Symbol.asyncIterator]();
  }

  /**
   * Reads what fits into the request's own frame: a client that is slow with a small body keeps no thread waiting.
   *
   * @throws what the body fails with: too long, too slow, the client is gone.
   */
  async begin(): Promise<void> {
    for (let length = 0; length <= INLINE_BYTES;) {
      const { done, value } = await this.#chunks.next();
      if (done) return void (this.whole = true);
      this.#begun.push(value);
      length += value.length;
    }
  }

  /** What was read by `begin`. */
  get first(): Buffer {
    return Buffer.concat(this.#begun);
  }

  /** The next piece of the rest; undefined at its end. @throws as `begin`. */
  *next(): Operation<Uint8Array | undefined> {
    this.waits = true;
    const step = yield* until(this.#chunks.next());
    this.waits = false;
    return step.done ? undefined : step.value;
  }
}

/** A head as a worker sends it: "status NUL name NUL value NUL …". */
type ReplyHead = Omit<GatewayResponse, "body">;

/** The last one that was read: most are the same as the one before. */
let last: { readonly text: string; readonly head: ReplyHead } | undefined;

/** @throws {InvalidReplyError} naming the field that is not valid. */
function readHead(text: string): ReplyHead {
  if (last?.text !== text) last = { text, head: parse(text) };
  return last.head;
}

/** The connection is managed by the gateway (PEP 3333, "Other HTTP Features"), so those fields are left out. */
function parse(text: string): ReplyHead {
  const [status, ...fields] = text.split("\0") as [string, ...string[]];
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2)
    if (!HOP_BY_HOP.has(fields[i]!.toLowerCase()))
      pairs.push([fields[i]!, fields[i + 1]!]);
  return {
    status: Number(status.slice(0, 3)),
    statusText: status.slice(4) || undefined,
    headers: new CheckedHeaders(pairs).asTheyAre(),
  };
}
