/**
 * The outlet of uWebSockets.js: its response, kept to its contract (never touched after its end or abort, always
 * corked, head first).
 */
import { setImmediate } from "node:timers/promises";
import {
  REQUEST_ID_FIELD,
  type Chunk,
  type Outlet,
  type OutletState,
  type ReplyHead,
  type Step,
} from "../engine.ts";
import { byteLength, ChunkedBody } from "./chunked-body.ts";
import { Hold } from "./hold.ts";
import type { HttpResponse } from "./load.ts";
import { CORK_BYTES, type Packet } from "./packet.ts";
import { PromisedBody, type Sent } from "./promised-body.ts";

export class UwsOutlet implements Outlet {
  /** Changes with every call and whenever the client likes. */
  state: OutletState = "waiting";
  status: number | undefined;
  readonly #res: HttpResponse;
  readonly #packet: Packet;
  /** Of the request. */
  readonly #fields: readonly string[];
  /** In the route callback: the engine holds back what is written, and goes on with what came behind the request. */
  #atOnce = true;
  /** The turn of the loop in which a piece of the body came last: the engine may do the same then. */
  #bodyTurn = -1;
  /** The connection ends with the streamed body. */
  #closing = false;
  /** And the engine does not end it by itself. */
  #cuts = false;
  /** A streamed body with a length; the others are chunked. */
  #promised: PromisedBody | undefined;
  #chunked: ChunkedBody | undefined;
  /** The client is behind. */
  #full = false;
  #chunksInTurn = 0;
  #bytesInTurn = 0;
  /** Kept to be counted when somebody asks. */
  #whole: Chunk | undefined;
  /** For the reply to say. */
  #requestId: string | undefined;
  #whenWritable: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** Of the request body, where it ever was held back. */
  #hold: Hold | undefined;

  constructor(res: HttpResponse, packet: Packet, fields: readonly string[]) {
    this.#res = res;
    this.#packet = packet;
    this.#fields = fields;
  }

  get bytes(): number {
    if (this.#whole !== undefined) return byteLength(this.#whole);
    return (this.#promised ?? this.#chunked)?.produced ?? 0;
  }

  /** Only with a promised length does the engine say when all is sent. */
  get lags(): boolean {
    return this.#chunked?.wasFull === true;
  }

  identify(requestId: string): void {
    this.#requestId = requestId;
  }

  onGone(tell: () => void): void {
    if (!this.#open) return;
    this.#res.onAborted(() => {
      if (!this.#open) return; // a connection that is closed here reports that, too
      this.state = "gone";
      this.#hold?.forget();
      this.#wake?.();
      tell();
    });
  }

  returned(): void {
    this.#atOnce = false;
  }

  onData(push: (data: Uint8Array, isLast: boolean) => void): void {
    this.#res.onData((data, isLast) => {
      this.#bodyTurn = this.#packet.turn;
      push(new Uint8Array(data), isLast);
    });
  }

  /** Not while the reply waits for the client, as the engine would not see that it takes more. */
  pause(): void {
    if (!this.#open || this.#full) return;
    (this.#hold ??= new Hold(this.#res)).hold();
  }

  /**
   * When more of the body is wanted, and before each end: a connection that stays paused would never bring its next
   * request. Not while the application works on a body that is there: it starts the engine's clock for idle clients.
   */
  resume(): void {
    this.#hold?.release();
  }

  /** When the client is behind, the engine watches the connection in both directions, also one that was paused. */
  #setFull(full: boolean): void {
    this.#full = full;
    if (full) this.#hold?.forget();
  }

  /** The hot path. One crossing into the engine less for each thing left out. */
  sendPlain(contentType: string, body: Chunk): void {
    if (this.state !== "waiting") return;
    this.resume();
    this.status = 200;
    this.#whole = body;
    if (this.#atOnce && this.#packet.holds(body.length))
      this.#writePlain(contentType, body);
    else if (this.#mustWait(false))
      this.#wait(() => this.sendPlain(contentType, body));
    else this.#res.cork(() => this.#writePlain(contentType, body));
  }

  #writePlain(contentType: string, body: Chunk): void {
    this.#res.writeHeader("content-type", contentType);
    if (this.#requestId !== undefined) this.#writeId(this.#requestId, []);
    this.#sendWhole(body);
  }

  send(head: ReplyHead, body: Chunk): void {
    if (this.state !== "waiting") return;
    if (this.#mustWait(head.close))
      return this.#wait(() => this.send(head, body));
    this.resume();
    this.#whole = body;
    this.#res.cork(() => {
      this.#writeHead(head);
      if (!head.close) return this.#sendWhole(body);
      this.#announceClose();
      this.state = "ended";
      this.#res.end(body, true);
    });
  }

  /**
   * What the socket does not take waits here, as a promised body, and the connection with it: in the engine's own
   * buffer it would not be in the way of the next request, and a client that sends requests and reads no replies
   * would fill the memory. Of the small ones only some are asked for: it takes many of them to fill anything.
   */
  #sendWhole(body: Chunk): void {
    const small = body.length < SMALL_BYTES;
    if (body.length === 0 || (small && !this.#packet.samples())) {
      this.state = "ended";
      this.#res.end(body);
      return;
    }
    const [, done] = this.#res.tryEnd(body, 0); // 0: the body's own length
    if (done) this.state = "ended";
    else this.#keepRest(typeof body === "string" ? Buffer.from(body) : body);
  }

  #keepRest(body: Uint8Array): void {
    this.#promised = new PromisedBody(this.#res, body.length);
    this.#promised.push(body, this.#res.getWriteOffset());
    this.#whole = undefined;
    this.state = "streaming";
    this.#setFull(true);
  }

  async taken(): Promise<void> {
    while (this.state === "streaming") await this.writable();
  }

  /** In the route callback, the engine closes at once what is more than its cork holds: hence the spaces. */
  sever(head: ReplyHead, body: string): void {
    const whole = this.#atOnce ? body.padEnd(CORK_BYTES) : body;
    this.send({ ...head, close: true }, whole);
  }

  sendHead(head: ReplyHead, length: number | undefined): void {
    if (this.state !== "waiting") return;
    if (this.#mustWait(head.close))
      return this.#wait(() => this.sendHead(head, length));
    this.resume();
    if (head.close && length === undefined && !this.#engineCloses)
      return this.#sendLastHead(head);
    this.state = "ended";
    this.#res.cork(() => {
      this.#writeHead(head);
      if (head.close) this.#announceClose();
      if (length !== undefined) this.#res.endWithoutBody(length, head.close);
      else this.#res.endWithoutBody(); // the engine takes an explicit undefined for a number
    });
  }

  /** The engine gives a head that ends a connection a length, which 204 must not have (RFC 9110, section 8.6). */
  #sendLastHead(head: ReplyHead): void {
    this.#res.cork(() => {
      this.#writeHead(head);
      this.#endHead("connection", "close");
    });
    this.#cut();
  }

  /** Behind the last field of a head comes an empty line. */
  #endHead(name: string, value: string): void {
    this.#res.writeHeader("date", new Date().toUTCString()); // which the engine writes with a body
    this.#res.writeHeader(name, `${value}\r\n${this.#flush}`);
  }

  start(head: ReplyHead): void {
    if (this.state !== "waiting") return;
    this.state = "streaming";
    this.#closing = head.close;
    this.#cuts = head.close && !this.#engineCloses;
    const { contentLength: length = Infinity } = head;
    const inTwo = this.#cuts && length > 1;
    if (length !== Infinity)
      this.#promised = new PromisedBody(this.#res, length, inTwo);
    else this.#chunked = new ChunkedBody(this.#res, this.#cuts);
    this.#res.cork(() => {
      this.#writeHead(head);
      if (head.close && (length > 1 || !this.#cuts))
        this.#res.writeHeader("connection", "close"); // `end(…, true)` would write it behind the body
    });
  }

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
      : this.#writeChunked(this.#chunked!, chunk);
  }

  #writeChunked(chunked: ChunkedBody, chunk: Chunk): boolean {
    if (this.state !== "streaming") return true;
    this.#setFull(!chunked.write(chunk));
    return !this.#full;
  }

  #writePromised(promised: PromisedBody, chunk: Chunk): boolean {
    promised.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    if (!this.#full) this.#sendPromised(promised);
    return !this.#full;
  }

  #sendPromised(promised: PromisedBody): void {
    if (promised.isProduced) {
      if (this.#mustWait(this.#closing))
        return this.#wait(() => this.#sendPromised(promised));
      this.resume(); // it may end
      if (promised.cuts) return this.#sendLastPromised(promised);
      if (this.#closing) this.#endPacket();
    }
    this.#res.cork(() => {
      if (this.#closing && promised.length === 1) this.#sendLastByte(promised);
      else this.#sent(promised.send());
    });
  }

  /** Whether the socket has taken what was corked, the engine says at the next piece: here, the last byte. */
  #sendLastPromised(promised: PromisedBody): void {
    if (!this.#atOnce) promised.splitLast();
    else if (promised.length < CORK_BYTES) promised.flush(FLUSH);
    this.#res.cork(() => this.#sent(promised.send(this.#atOnce ? 0 : 1)));
    if (!this.#full) this.#res.cork(() => this.#sent(promised.send()));
    if (!this.#full) this.#cut();
  }

  /** Of a body too short to be told about in two pieces. */
  #sendLastByte(promised: PromisedBody): void {
    this.state = "ended";
    this.#res.end(promised.shift(), true);
  }

  #sent(sent: Sent): void {
    this.#setFull(sent === "full");
    if (sent === "complete") this.state = "ended";
  }

  /** Not in the packet of the request, where the engine has a cork with unknown contents. */
  writeAll(step: Step, rest: { next(): Step }): boolean {
    const chunked = this.#atOnce ? undefined : this.#chunked;
    let next: Step | boolean = step;
    while (typeof next === "object")
      next =
        !next.done && chunked?.joins(next.value)
          ? this.#writeTogether(chunked, next, rest)
          : this.#writeStep(next, rest);
    return next;
  }

  /** The next step, or else whether all is written. */
  #writeStep(step: Step, rest: { next(): Step }): Step | boolean {
    if (step.done || this.state === "gone") return true;
    return this.write(step.value) ? rest.next() : false;
  }

  #writeTogether(
    chunked: ChunkedBody,
    first: Step,
    rest: { next(): Step },
  ): Step | boolean {
    let next: Step | boolean = first;
    chunked.batch(() => {
      do next = this.#writeStep(next as Step, rest);
      while (
        typeof next === "object" &&
        !next.done &&
        chunked.hasRoom(next.value)
      );
    });
    return next;
  }

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
    if (this.state === "ended") this.#res.cork(() => {}); // sends what the engine has kept
    if (this.state !== "streaming") return true;
    this.#full = false;
    if (this.#promised) this.#sendPromised(this.#promised);
    if (!this.#full) this.#wake?.();
    return !this.#full;
  }

  end(): void {
    if (this.state !== "streaming") return;
    this.#promised?.end();
    if (this.#promised && this.#promised.length > 0) return;
    if (this.#mustWait(this.#closing)) return this.#wait(() => this.end());
    this.resume();
    if (this.#cuts && this.#chunked) return this.#endLastChunked(this.#chunked);
    this.state = "ended";
    if (this.#closing) this.#endPacket();
    this.#res.cork(() => {
      if (this.#promised) this.#res.endWithoutBody(0, this.#closing);
      else this.#res.end();
    });
  }

  /**
   * Of a client that was behind it is not known when it has all; it will close the connection then, as it was told, and
   * until then the engine serves nothing more on it.
   */
  #endLastChunked(chunked: ChunkedBody): void {
    this.#res.cork(() => {
      if (chunked.produced > 0) chunked.endLast(this.#flush);
      else this.#endHead("content-length", "0");
    });
    if (this.lags) this.state = "ended";
    else this.#cut();
  }

  close(): void {
    if (!this.#open) return;
    this.state = "gone";
    this.#hold?.forget();
    this.#wake?.();
    this.#res.close();
  }

  /** The connection is there, and the response not over. */
  get #open(): boolean {
    return this.state === "waiting" || this.state === "streaming";
  }

  /** The client has asked for it in the only way that the engine knows: by a single option of five letters. */
  get #engineCloses(): boolean {
    const at = this.#fields.findIndex(
      (it, i) => i % 2 === 0 && it === "connection",
    );
    return this.#fields[at + 1]?.length === 5 && at !== -1;
  }

  /** The engine says that it closes only where that is not the client's wish. */
  #announceClose(): void {
    if (this.#engineCloses) this.#res.writeHeader("connection", "close");
    this.#endPacket();
  }

  #endPacket(): void {
    if (this.#atOnce) this.#packet.end();
  }

  /**
   * The engine does not survive that a connection is closed in a callback for a piece of a body, nor does it say when
   * those are over.
   */
  #mustWait(close: boolean): boolean {
    return (
      this.#bodyTurn !== -1 &&
      this.#bodyTurn === this.#packet.turn &&
      (close || this.#engineCloses)
    );
  }

  /** Until this turn of the loop is over. */
  #wait(write: () => void): void {
    const { state } = this;
    this.state = "streaming";
    this.#full = true; // so that whoever sends waits as well
    globalThis.setImmediate(() => {
      if (!this.#open) return;
      this.state = state;
      this.#full = false;
      this.#bodyTurn = -1;
      write();
      if (!this.#full) this.#wake?.();
    });
  }

  /** What makes the engine send its cork: see FLUSH. */
  get #flush(): string {
    return this.#atOnce ? FLUSH.toString() : "";
  }

  /** The reply is complete, and its connection ends, where the engine has no call for both. */
  #cut(): void {
    this.state = "ended";
    this.#res.close();
  }

  #writeHead(head: ReplyHead): void {
    this.status = head.status;
    const { fields } = head;
    if (head.statusLine !== OK) this.#res.writeStatus(head.statusLine);
    for (let i = 0; i < fields.length; i += 2)
      this.#res.writeHeader(fields[i]!, fields[i + 1]!);
    if (this.#requestId !== undefined) this.#writeId(this.#requestId, fields);
  }

  #writeId(requestId: string, others: ReplyHead["fields"]): void {
    const given = others.some(
      (it, i) => i % 2 === 0 && String(it).toLowerCase() === REQUEST_ID_FIELD,
    );
    if (!given) this.#res.writeHeader(REQUEST_ID_FIELD, requestId);
  }
}

/**
 * Chunks of one body that are sent in a row before others get their turn: an endless source that never waits would be
 * alone on the loop.
 */
const CHUNKS_PER_TURN = 256;

/** Bytes, likewise: the kernel takes megabytes from a fast source, and copying them takes milliseconds. */
const BYTES_PER_TURN = 256 * 1024;

/** Bytes, in the route callback, where the engine may have more in its cork: see PIECE_BYTES. */
const BYTES_AT_ONCE = 4096;

/**
 * Bytes of a body, below which only some are asked for: a client that does not read is stopped after some 16 of them,
 * 32 KiB.
 */
const SMALL_BYTES = 2048;

const OK = "200 OK";

/**
 * Line ends behind the last reply of a connection. In the route callback nothing leaves the engine before it has gone
 * on to what came behind the request, unless it is more than its cork holds; and what has not left is lost when the
 * connection is cut. Clients skip line ends between messages (RFC 9112, section 2.2), and here read no further.
 */
const FLUSH = Buffer.alloc(CORK_BYTES, "\r\n");
