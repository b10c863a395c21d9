/**
 * The engine's response, kept to its contract: never touched after its end or abort, always corked, head first.
 *
 *     waiting ──send──────────────► ended        the head and the whole body at once
 *     waiting ──start──► streaming ──end──► ended
 *     waiting, streaming ──close, client gone──► gone
 *
 * A call that the state does not allow does nothing: the client may be gone at any time, and whoever writes learns it
 * from `state`.
 */
import { STATUS_CODES } from "node:http";
import { setImmediate } from "node:timers/promises";
import { CORK_BYTES, type Cork } from "./cork.ts";
import { InvalidReplyError } from "../../common/errors.ts";
import { Hold } from "./hold.ts";
import { PromisedBody } from "./promised-body.ts";
import { REQUEST_ID_FIELD } from "../../request/request-id.ts";
import type { Chunk } from "../../reply/types.ts";
import type { HttpResponse } from "./load.ts";

/** Status line and headers of a reply, checked. */
export interface Head {
  status: number;
  /** With the code in front, as on the wire. */
  statusLine: string;
  /** name, value, name, value, … */
  fields: (string | Buffer)[];
  /** As promised by the application. */
  contentLength: number | undefined;
  close: boolean;
}

export type ResponseState = "waiting" | "streaming" | "ended" | "gone";

export class ResponseWriter {
  /** Changes with every call and whenever the client likes. */
  state: ResponseState = "waiting";
  status: number | undefined;
  readonly #res: HttpResponse;
  readonly #engineCork: Cork;
  /** In the route callback: the engine holds what came with the request. */
  #atOnce = true;
  /** A streamed body with a length; the others are chunked. */
  #promised: PromisedBody | undefined;
  #written = 0;
  /** The client is behind. */
  #full = false;
  #wasFull = false;
  /** Bytes that the cork of a batch still takes. */
  #room = 0;
  #chunksInTurn = 0;
  #bytesInTurn = 0;
  /** Kept for the access log alone: counting the bytes of a string costs as much as sending a short one. */
  #whole: Chunk | undefined;
  /** For the reply to say. */
  #requestId: string | undefined;
  #whenWritable: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** Of the request body, where it ever was held back. */
  #hold: Hold | undefined;

  constructor(res: HttpResponse, engineCork: Cork) {
    this.#res = res;
    this.#engineCork = engineCork;
  }

  /** Body bytes handed to the engine. */
  get bytes(): number {
    if (this.#whole !== undefined) return byteLength(this.#whole);
    return this.#promised?.produced ?? this.#written;
  }

  /** The reply is to carry the id, unless the application gives one itself. */
  identify(requestId: string): void {
    this.#requestId = requestId;
  }

  /** `onGone` is called when the client goes away. Due before the route callback returns without an answer. */
  onGone(onGone: () => void): void {
    if (!this.open) return;
    this.#res.onAborted(() => {
      if (!this.open) return; // `close` below reports here, too
      this.state = "gone";
      this.#hold?.forget();
      this.#wake?.();
      onGone();
    });
  }

  /** The route callback is over. */
  detach(): void {
    this.#atOnce = false;
  }

  /** Where the request body goes. Within the route callback: later its first bytes are lost. `data` is taken back by the engine. */
  onData(push: (data: ArrayBuffer, isLast: boolean) => void): void {
    this.#res.onData(push);
  }

  /** Asks the client to hold the request body back; what is on its way still comes. Not while the reply waits for the client, as the engine would not see that it takes more. */
  pause(): void {
    if (!this.open || this.#full) return;
    (this.#hold ??= new Hold(this.#res)).take();
  }

  /** When more of the body is wanted, and before each end: a connection that stays paused would never bring its next request. Not while the application works on a body that is there: it starts the engine's clock for idle clients. */
  resume(): void {
    this.#hold?.release();
  }

  /** Whether the client is behind with the reply: then the engine watches the connection in both directions, also one that was paused. */
  #setFull(full: boolean): void {
    this.#full = full;
    if (!full) return;
    this.#wasFull = true;
    this.#hold?.forget();
  }

  /** The engine may hold some of the body back, also behind its end: only with a promised length does it say when all is sent. */
  get lags(): boolean {
    return this.#wasFull && this.#promised === undefined;
  }

  /** The fast path: a 200 with a whole body and nothing but a content-type. One crossing less for each thing left out. */
  sendPlain(contentType: string, body: Chunk): void {
    if (this.state !== "waiting") return;
    this.resume();
    this.status = 200;
    this.#whole = body;
    if (this.#atOnce && this.#engineCork.takes(body.length))
      this.#writePlain(contentType, body);
    else this.#cork(() => this.#writePlain(contentType, body));
  }

  #writePlain(contentType: string, body: Chunk): void {
    this.#res.writeHeader("content-type", contentType);
    if (this.#requestId !== undefined) this.#writeId(this.#requestId, []);
    this.#sendWhole(body);
  }

  /** Head and whole body. The state tells whether the socket has taken it, or has to be waited for: see `taken()`. */
  send(head: Head, body: Chunk): void {
    if (this.state !== "waiting") return;
    this.resume();
    this.#whole = body;
    this.#cork(() => {
      this.#writeHead(head);
      if (head.close) this.#sendLast(body);
      else this.#sendWhole(body);
    });
  }

  /**
   * What the socket does not take waits here, as a promised body, and the connection with it: in the engine's own buffer
   * it would not be in the way of the next request, and a client that sends requests and reads no replies would fill the
   * memory. To ask costs a twentieth of a small reply, so of the small ones only some are asked for; it takes many of
   * them to fill anything.
   */
  #sendWhole(body: Chunk): void {
    const small = body.length < SMALL;
    if (body.length === 0 || (small && Math.random() >= SOME))
      return this.#sendLast(body, false);
    const [, done] = this.#res.tryEnd(body, 0); // 0: the body's own length
    if (done) this.state = "ended";
    else this.#keepRest(typeof body === "string" ? Buffer.from(body) : body);
  }

  #sendLast(body: Chunk, close = true): void {
    this.state = "ended";
    this.#res.end(body, close);
  }

  #keepRest(body: Uint8Array): void {
    this.#promised = new PromisedBody(this.#res, body.length);
    this.#promised.push(body, this.#res.getWriteOffset());
    this.#whole = undefined;
    this.state = "streaming";
    this.#setFull(true);
  }

  /** Resolves when a whole body is on its way, or the client is gone. */
  async taken(): Promise<void> {
    while (this.state === "streaming") await this.writable();
  }

  /**
   * As `send`, and the connection ends. In the route callback, nothing that came behind this request is looked at,
   * whereas after `send` the engine goes on to the next request that it has already. It only stops when the connection
   * is closed, and only closes what is not corked; what is larger than its cork ends the cork. Hence the spaces. (In a
   * callback for a piece of the body the engine does not survive that.)
   */
  sever(head: Head, body: string): void {
    const whole = this.#atOnce ? body.padEnd(CORK_BYTES) : body;
    this.send({ ...head, close: true }, whole);
  }

  /** A head alone, for HEAD, 204 and 304. `length` is what a body would have had, where that is known. */
  sendHead(head: Head, length: number | undefined): void {
    if (this.state !== "waiting") return;
    this.resume();
    this.state = "ended";
    this.#cork(() => {
      this.#writeHead(head);
      if (head.close) this.#res.writeHeader("connection", "close");
      if (length === undefined)
        this.#res.endWithoutBody(); // the engine takes an explicit undefined for a number
      else this.#res.endWithoutBody(length);
    });
  }

  /** Begins a streamed body. The head travels with the first chunk: the engine has no call that sends it alone. */
  start(head: Head): void {
    if (this.state !== "waiting") return;
    this.state = "streaming";
    if (head.contentLength !== undefined)
      this.#promised = new PromisedBody(this.#res, head.contentLength);
    this.#cork(() => {
      this.#writeHead(head);
      if (head.close) this.#res.writeHeader("connection", "close"); // `end(…, true)` would write it behind the body
    });
  }

  /**
   * Sends a chunk of a streamed body. False: it is time to wait for `writable()`.
   *
   * @throws {InvalidReplyError} when the body grows longer than the promised length.
   */
  write(chunk: Chunk): boolean {
    if (this.state === "gone") return true;
    this.#bytesInTurn += chunk.length;
    return (
      this.#pass(chunk) &&
      ++this.#chunksInTurn < CHUNKS_PER_TURN &&
      this.#bytesInTurn < (this.#atOnce ? BYTES_AT_ONCE : BYTES_PER_TURN)
    );
  }

  #pass(chunk: Chunk): boolean {
    if (chunk.length === 0) return true; // an empty chunk would end a chunked body
    return this.#promised
      ? this.#writePromised(this.#promised, chunk)
      : this.#writeChunked(chunk);
  }

  #writeChunked(chunk: Chunk): boolean {
    if (this.state !== "streaming") return true;
    const bytes = byteLength(chunk);
    this.#written += bytes;
    this.#room -= FRAME_BYTES + bytes;
    for (const piece of bytes > PIECE_BYTES ? piecesOf(chunk) : [chunk])
      this.#cork(() => this.#setFull(!this.#res.write(piece)));
    return !this.#full;
  }

  #writePromised(promised: PromisedBody, chunk: Chunk): boolean {
    promised.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    if (!this.#full) this.#cork(() => this.#sendPromised(promised));
    return !this.#full;
  }

  #sendPromised(promised: PromisedBody): void {
    if (promised.produced === promised.length) this.resume(); // it may end
    const sent = promised.send();
    this.#setFull(sent === "full");
    if (sent === "complete") this.state = "ended";
  }

  /**
   * What `body` writes leaves in one piece; it begins with `first`, and asks `hasRoom` before it goes on. A chunk that is
   * too large for that leaves alone, as do all in the route callback, where the engine has a cork with unknown contents,
   * and the first one, which has the head before it. What `body` throws comes out here: the engine would take it for
   * uncaught.
   */
  batch(first: unknown, body: () => void): void {
    this.#room = PIECE_BYTES;
    const alone = this.state !== "streaming" || !this.hasRoom(first);
    if (alone || this.#atOnce) {
      this.#room = 0;
      return body();
    }
    let failure: { error: unknown } | undefined;
    this.#res.cork(() => {
      try {
        body();
      } catch (error) {
        failure = { error };
      }
    });
    this.#room = 0;
    if (failure !== undefined) throw failure.error;
  }

  /** The chunk can go with those before it; what is none will not go at all. */
  hasRoom(chunk: unknown): boolean {
    return !isChunk(chunk) || FRAME_BYTES + byteLength(chunk) <= this.#room;
  }

  /** Resolves when the client can take more, or is gone. At once, but after everybody else's turn, when it only was time for that. */
  writable(): Promise<void> {
    this.#chunksInTurn = this.#bytesInTurn = 0;
    if (!this.#full || this.state !== "streaming") return setImmediate();
    return (this.#whenWritable ??= new Promise((resolve) => {
      this.#wake = () => {
        this.#whenWritable = undefined;
        resolve();
      };
      this.#res.onWritable(() => this.#continue());
    }));
  }

  /** True tells the engine that nothing is left to be written. */
  #continue(): boolean {
    if (this.state !== "streaming") return true;
    this.#full = false;
    if (this.#promised) this.#sendPromised(this.#promised);
    if (!this.#full) this.#wake?.();
    return !this.#full;
  }

  /**
   * Nothing more will be written. A promised body may still be on its way: it has ended when the engine has all of it.
   *
   * @throws {InvalidReplyError} when the body is shorter than the promised length.
   */
  end(): void {
    if (this.state !== "streaming") return;
    this.#promised?.end();
    if (this.#promised && this.#promised.length > 0) return;
    this.resume();
    this.state = "ended";
    if (this.#promised) this.#cork(() => this.#res.endWithoutBody(0));
    else this.#cork(() => this.#res.end());
  }

  /** Cuts the connection: the client must see that the reply is not complete. */
  close(): void {
    if (!this.open) return;
    this.state = "gone";
    this.#hold?.forget();
    this.#wake?.();
    this.#res.close();
  }

  /** The peer's address as bytes, none on a Unix socket. Undefined once the response is over. */
  remoteAddress(): Uint8Array | undefined {
    if (!this.open) return undefined;
    return new Uint8Array(this.#res.getRemoteAddress());
  }

  /** The address that a PROXY header gave, which anybody can send; none without it. Undefined once the response is over. */
  proxiedAddress(): Uint8Array | undefined {
    if (!this.open) return undefined;
    return new Uint8Array(this.#res.getProxiedRemoteAddress());
  }

  /** The connection is there, and the response not over. */
  get open(): boolean {
    return this.state === "waiting" || this.state === "streaming";
  }

  #writeHead(head: Head): void {
    this.status = head.status;
    const { fields } = head;
    if (head.statusLine !== OK) this.#res.writeStatus(head.statusLine);
    for (let i = 0; i < fields.length; i += 2)
      this.#res.writeHeader(fields[i]!, fields[i + 1]!);
    if (this.#requestId !== undefined) this.#writeId(this.#requestId, fields);
  }

  #writeId(requestId: string, others: Head["fields"]): void {
    const given = others.some(
      (it, i) => i % 2 === 0 && String(it).toLowerCase() === REQUEST_ID_FIELD,
    );
    if (!given) this.#res.writeHeader(REQUEST_ID_FIELD, requestId);
  }

  /** Also in the route callback, which the engine has corked: see cork.ts. */
  #cork(write: () => void): void {
    this.#res.cork(write);
  }
}

/** Chunks of one body that are sent in a row before others get their turn: an endless source that never waits would be alone on the loop. */
const CHUNKS_PER_TURN = 256;

/** Bytes, likewise: the kernel takes megabytes from a fast source, and copying them takes milliseconds. */
const BYTES_PER_TURN = 256 * 1024;

/** Bytes, in the route callback, where the engine has corked the connection, and may have more in that cork: see PIECE_BYTES. */
const BYTES_AT_ONCE = 4096;

/** Bytes around a chunk: its length in hexadecimal digits, and two line ends. */
const FRAME_BYTES = 8;

/** Bytes that fit a cork of their own, with a frame around them and the end behind. */
const PIECE_BYTES = CORK_BYTES - 64;

/** Bytes of a body, and how many of those below are asked for. A client that does not read is stopped after some 16 of them, 32 KiB. */
const SMALL = 2048;
const SOME = 1 / 16;

const OK = "200 OK";

/** RFC 9112, section 4: `reason-phrase` without control characters; an unknown code has none of its own. */
export function statusLine(
  status: number,
  reason: string = STATUS_CODES[status] ?? "Unknown",
): string {
  if (status === 200 && reason === "OK") return OK;
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new InvalidReplyError(
      `${typeof status === "number" ? status : JSON.stringify(status)} is no status; a reply has one from 200 to 599`,
    );
  if (!/^[\t\x20-\x7e]*$/.test(reason))
    throw new InvalidReplyError(
      `${JSON.stringify(reason)} is no reason phrase`,
    );
  return `${status} ${reason}`;
}

/** A chunk as the engine gets it: when the socket is full, it loses what reaches beyond its cork, of which it sends the size and not the bytes. */
function* piecesOf(chunk: Chunk): Generator<Chunk, void, void> {
  const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    yield bytes.subarray(at, at + PIECE_BYTES);
}

/** Whether it can be a piece of a body. */
export function isChunk(value: unknown): value is Chunk {
  return typeof value === "string" || value instanceof Uint8Array;
}

function byteLength(chunk: Chunk): number {
  return typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
}
