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
import { bodyKind, clientCloses, engineCloses } from "./head.ts";
import { Hold } from "../hold.ts";
import { closeNow, linger } from "./linger.ts";
import type { HttpResponse } from "./load.ts";
import { CORK_BYTES, type Packet } from "./packet.ts";
import {
  BYTES_AT_ONCE,
  BYTES_COLLECTED,
  BYTES_PER_TURN,
  CHUNKS_PER_TURN,
  FLUSH,
  NOTHING,
  SMALL_BYTES,
} from "./portions.ts";
import { PromisedBody, type Sent } from "./promised-body.ts";
import {
  announceClose,
  endBodiless,
  endBody,
  endHead,
  writeHead,
} from "./reply-head.ts";

export class UwsOutlet implements Outlet {
  state: OutletState = "waiting";
  status: number | undefined;
  readonly #res: HttpResponse;
  readonly #packet: Packet;
  readonly #fields: readonly string[];
  /** In the route callback: the engine holds back what is written, and goes on with what came behind the request. */
  #atOnce = true;
  /** Somebody is told when the client leaves. */
  #isWatched = false;
  /** The turn of the loop in which the engine has called last, and may still be at that packet. */
  #callTurn = -1;
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
  #requestId: string | undefined;
  #whenWritable: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** Of the request body, where it ever was held back. */
  #hold: Hold | undefined;
  /** Nothing more of the request body is waited for. */
  #bodyIsOver = false;

  constructor(res: HttpResponse, packet: Packet, fields: readonly string[]) {
    this.#res = res;
    this.#packet = packet;
    this.#fields = fields;
  }

  get bytes(): number {
    if (this.#whole !== undefined) return byteLength(this.#whole);
    return (this.#promised ?? this.#chunked)?.produced ?? 0;
  }

  get lags(): boolean {
    return this.#chunked?.wasFull === true;
  }

  identify(requestId: string): void {
    this.#requestId = requestId;
  }

  onGone(tell: () => void): void {
    if (!this.#open) return;
    this.#isWatched = true;
    this.#res.onAborted(() => {
      if (!this.#open) return; // also told of one that is closed here
      this.state = "gone";
      this.#hold?.forget();
      this.#wake?.();
      tell();
    });
  }

  returned(): void {
    this.#atOnce = false;
    this.#callTurn = this.#packet.turn;
  }

  onData(push: (data: Uint8Array, isLast: boolean) => void): void {
    if (!this.#open) return; // what comes is dropped
    this.#res.onData((data, isLast) => {
      this.#callTurn = this.#packet.turn;
      this.#bodyIsOver = isLast;
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
    this.#res.writeHeader(this.#packet.keeping.beforeType, contentType);
    if (this.#requestId !== undefined)
      this.#res.writeHeader(REQUEST_ID_FIELD, this.#requestId);
    this.#sendWhole(body);
  }

  send(head: ReplyHead, body: Chunk): void {
    if (this.state !== "waiting") return;
    this.status = head.status;
    if (this.#mustWait(head.close))
      return this.#wait(() => this.send(head, body));
    this.resume();
    if (head.close && this.#lingers) return this.#sendInPieces(head, body);
    this.#whole = body;
    if (head.close && this.#atOnce) return this.#sendLast(head, body);
    this.#res.cork(() => {
      this.#writeHead(head);
      if (!head.close) return this.#sendWhole(body);
      announceClose(this.#res, this.#fields);
      this.state = "ended";
      this.#res.end(body, true);
    });
  }

  /** With the end of a whole body the engine would end the connection. */
  #sendInPieces(head: ReplyHead, body: Chunk): void {
    this.start({ ...head, contentLength: byteLength(body) });
    this.write(body);
    this.end();
  }

  /**
   * The last reply of a connection, in the route callback: the engine would go on to what came behind the request, and
   * sends nothing before that unless it is more than its cork holds. So the reply is written by hand, with enough
   * behind it, and the connection is cut.
   */
  #sendLast(head: ReplyHead, body: Chunk): void {
    this.#writeHead(head);
    this.#sendLastBody(Buffer.from(body as string));
  }

  #sendLastBody(bytes: Uint8Array): void {
    this.#res.cork(() => endBody(this.#res, bytes, this.#flush));
    this.#cut();
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
      return void this.#res.end(body);
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

  sever(head: ReplyHead, body: string | undefined): void {
    if (this.state !== "waiting") return;
    this.#bodyIsOver = true; // nobody knows where it ends
    if (body === undefined) this.#sendLastHead(head, undefined);
    else if (this.#atOnce) this.#sendLast(head, body);
    else this.send(head, body);
  }

  sendHead(head: ReplyHead, length: number | undefined): void {
    if (this.state !== "waiting") return;
    this.status = head.status;
    if (this.#mustWait(head.close))
      return this.#wait(() => this.sendHead(head, length));
    this.resume();
    const isEnd = length !== undefined || engineCloses(this.#fields);
    if (head.close && (this.#endsByHand || !isEnd))
      return this.#sendLastHead(head, length);
    this.state = "ended";
    this.#res.cork(() => {
      this.#writeHead(head);
      if (head.close) announceClose(this.#res, this.#fields);
      endBodiless(this.#res, length, head.close);
    });
  }

  #sendLastHead(head: ReplyHead, length: number | undefined): void {
    this.#res.cork(() => {
      this.#writeHead(head);
      endHead(this.#res, length, this.#flush);
    });
    this.#cut();
  }

  start(head: ReplyHead): void {
    if (this.state !== "waiting") return;
    this.state = "streaming";
    this.#closing = head.close;
    this.#cuts = head.close && (this.#lingers || !engineCloses(this.#fields));
    const { contentLength: length = Infinity } = head;
    const inTwo = this.#cuts && length > 1;
    const writeHead = (): void => {
      this.#writeHead(head);
      if (head.close && length > 1)
        this.#res.writeHeader("connection", "close"); // `end(…, true)` would write it behind the body
    };
    this.status = head.status;
    if (length === Infinity)
      this.#chunked = new ChunkedBody(this.#res, this.#cuts, writeHead);
    else this.#promised = new PromisedBody(this.#res, length, inTwo, writeHead);
  }

  write(chunk: Chunk): boolean {
    if (this.state === "gone") return true;
    this.#bytesInTurn += chunk.length;
    const taken = this.#promised
      ? this.#writePromised(this.#promised, chunk)
      : this.#writeChunked(this.#chunked!, chunk);
    return (
      taken &&
      ++this.#chunksInTurn < CHUNKS_PER_TURN &&
      this.#bytesInTurn < this.#mostInTurn
    );
  }

  get #mostInTurn(): number {
    if (!this.#atOnce) return BYTES_PER_TURN;
    return this.#chunked?.collects ? BYTES_COLLECTED : BYTES_AT_ONCE;
  }

  /** In the route callback all of it waits, as the engine has a cork with unknown contents then. */
  #writeChunked(chunked: ChunkedBody, chunk: Chunk): boolean {
    if (this.state !== "streaming") return true;
    if (chunked.canWait(chunk, this.#atOnce))
      chunked.add(chunk, () => this.#endTurn(chunked));
    else this.#setFull(!chunked.write(chunk));
    return !this.#full;
  }

  #endTurn(chunked: ChunkedBody): void {
    if (this.state === "streaming" && !chunked.flush()) this.#setFull(true);
  }

  #endChunked(chunked: ChunkedBody): void {
    chunked.outlastTurn();
    if (this.#atOnce && (this.#closing || chunked.waiting > BYTES_AT_ONCE))
      return this.#wait(() => this.end());
    this.resume();
    if (!chunked.isBegun && !this.#closing)
      return void this.#res.cork(() => this.#sendWhole(chunked.beginWhole()));
    this.state = "ended";
    chunked.end();
  }

  #writePromised(promised: PromisedBody, chunk: Chunk): boolean {
    if (chunk.length === 0) return true; // an empty piece would end it
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
    }
    this.#res.cork(() => {
      if (this.#closing && promised.length === 1) this.#sendLastByte(promised);
      else this.#sent(promised.send());
    });
  }

  /** Whether the socket has taken what was corked, the engine says at the next piece: here, the last byte. */
  #sendLastPromised(promised: PromisedBody): void {
    if (!this.#atOnce) promised.splitLast();
    else if (!this.#lingers && promised.length < CORK_BYTES)
      promised.flush(FLUSH);
    this.#res.cork(() => this.#sent(promised.send(this.#atOnce ? 0 : 1)));
    if (!this.#full) this.#res.cork(() => this.#sent(promised.send()));
    if (!this.#full) this.#cut();
  }

  /** Of a body too short to be told about in two pieces. */
  #sendLastByte(promised: PromisedBody): void {
    promised.writeHead();
    if (this.#endsByHand) return this.#sendLastBody(promised.shift());
    this.state = "ended";
    announceClose(this.#res, this.#fields);
    this.#res.end(promised.shift(), true);
  }

  #sent(sent: Sent): void {
    this.#setFull(sent === "full");
    if (sent === "complete") this.state = "ended";
  }

  writeAll(step: Step, rest: { next(): Step }): boolean {
    for (let next = step; !next.done; next = rest.next()) {
      if (this.state === "gone") return true;
      if (!this.write(next.value)) return false;
    }
    return true;
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
    if (this.#chunked)
      return this.#cuts
        ? this.#endLastChunked(this.#chunked)
        : this.#endChunked(this.#chunked);
    this.#res.cork(() => {
      this.#promised?.writeHead();
      if (this.#closing && this.#endsByHand) return this.#sendLastBody(NOTHING);
      this.state = "ended";
      if (this.#closing) announceClose(this.#res, this.#fields);
      this.#res.endWithoutBody(0, this.#closing);
    });
  }

  /**
   * Of a client that was behind it is not known when it has all; it will close the connection then, as it was told, and
   * until then the engine serves nothing more on it.
   */
  #endLastChunked(chunked: ChunkedBody): void {
    chunked.flush();
    this.#res.cork(() => chunked.endLast(this.#flush));
    if (this.lags) this.state = "ended";
    else this.#cut();
  }

  close(): void {
    if (!this.#open) return;
    if (this.state === "streaming") this.#chunked?.flush();
    this.state = "gone";
    this.#hold?.forget();
    this.#wake?.();
    closeNow(this.#res);
  }

  /** The connection is there, and the response not over. */
  get #open(): boolean {
    return this.state === "waiting" || this.state === "streaming";
  }

  /**
   * A reply that ends its connection waits until the engine is done with the packet that it has called for, which it
   * says nowhere, at the latest until this turn of the loop is over. In a callback for a piece of a body, or behind the
   * route callback, the connection cannot be closed; and a client that has asked for the end itself, which is frequent,
   * is spared what `#sendLast` writes. A further request in the packet makes the engine close the connection.
   */
  #mustWait(close: boolean): boolean {
    if (this.#atOnce)
      return close && clientCloses(this.#fields) && !this.#lingers;
    return (
      this.#callTurn !== -1 &&
      this.#callTurn === this.#packet.turn &&
      (close || engineCloses(this.#fields))
    );
  }

  /** Until this turn of the loop is over. */
  #wait(write: () => void): void {
    if (!this.#isWatched) this.onGone(() => {}); // the engine asks for it
    const { state } = this;
    this.state = "streaming";
    this.#full = true; // so that whoever sends waits as well
    globalThis.setImmediate(() => {
      if (!this.#open) return;
      this.state = state;
      this.#full = false;
      this.#atOnce = false;
      this.#callTurn = -1;
      write();
      if (!this.#full) this.#wake?.();
    });
  }

  /** What makes the engine send its cork. */
  get #flush(): Buffer {
    return this.#atOnce ? FLUSH : NOTHING;
  }

  /** With what the engine has for it, it would close the connection too early, or too late. */
  get #endsByHand(): boolean {
    return this.#atOnce || this.#lingers;
  }

  /** The client is still sending the body of its request. */
  get #lingers(): boolean {
    return !this.#bodyIsOver && bodyKind(this.#fields) !== "none";
  }

  /** The reply is complete, and its connection ends, where the engine has no call for both. */
  #cut(): void {
    this.state = "ended";
    if (!this.#lingers) return closeNow(this.#res);
    linger(this.#res, this.#packet.lingering, this.#fields, () =>
      this.#promised?.sendBehind(FLUSH),
    );
  }

  #writeHead(head: ReplyHead): void {
    this.status = head.status;
    writeHead(this.#res, head, this.#requestId, this.#packet.keeping);
  }
}
