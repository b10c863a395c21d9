/** What outlets on Node's own streams have in common: states, lengths, turns, and who is told. */
import { setImmediate } from "node:timers/promises";
import { hasField } from "../common/fields.ts";
import {
  REQUEST_ID_FIELD,
  type Chunk,
  type Outlet,
  type OutletState,
  type ReplyHead,
  type Step,
} from "./engine.ts";
import { checkAllProduced, checkNotTooMuch } from "./promised-length.ts";

/** Chunks, and bytes, of one body that are sent before others get their turn: see `uws/portions.ts`. */
const CHUNKS_PER_TURN = 256;
const BYTES_PER_TURN = 256 * 1024;

const NOTHING = new Uint8Array();

/** RFC 9110, section 10.1.1. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

/** Where the body of a request comes from, and what says that its client has gone. */
interface Source {
  on(event: "data", tell: (data: Uint8Array) => void): this;
  on(event: "end", tell: () => void): this;
  pause(): unknown;
  resume(): unknown;
  isPaused(): boolean;
}

export abstract class StreamOutlet implements Outlet {
  state: OutletState = "waiting";
  status: number | undefined;
  bytes = 0;
  /** Node says when the system has taken the end. */
  readonly lags = false;
  /** The client waits for a 100 before it sends its body, and has not got it. */
  protected awaited: boolean;
  /** The client is behind. */
  protected full = false;
  /** Of a streamed body. */
  protected length: number | undefined;
  /** Likewise, where they can follow it. */
  protected trailing: ReplyHead["trailers"];
  readonly #source: Source;
  #requestId: string | undefined;
  #chunksInTurn = 0;
  #bytesInTurn = 0;
  #isWatched = false;
  #isEnded = false;
  #tell: (() => void) | undefined;
  #whenWritable: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(source: Source, expectation: string | undefined) {
    this.#source = source;
    this.awaited = expectation !== undefined && CONTINUE.test(expectation);
  }

  /** Sends an interim reply: the body is wanted. */
  protected abstract invite(): void;
  /** Calls `leave` when the connection is gone, also behind the reply. */
  protected abstract watch(): void;
  /** `reason`: undefined for the usual one. */
  protected abstract writeHead(
    status: number,
    reason: string | undefined,
    fields: string[],
    close: boolean,
  ): void;
  /** False: the client is behind, and `proceed` will be called. */
  protected abstract writeChunk(chunk: Chunk): boolean;
  /** Ends the reply; `last` is not empty. True: the system has taken all at once. Else `finish` is called later. */
  protected abstract writeEnd(last: Chunk | undefined): boolean;
  protected abstract cut(): void;
  get sendsExtras(): boolean {
    return false;
  }
  /** Sends an interim reply, 103. False: not any more. */
  protected writeHint(_fields: readonly string[]): boolean {
    return false;
  }
  /** They are to follow the body, whose end comes next. */
  protected writeTrailers(_fields: readonly string[]): void {}

  identify(requestId: string): void {
    this.#requestId = requestId;
  }

  /** What came behind the head in the same packet may have been no body. */
  onGone(tell: () => void): void {
    if (this.state === "gone") return tell();
    this.#tell = tell;
    this.#watchOnce();
  }

  #watchOnce(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.watch();
  }

  /** The client has gone, or what it sends cannot be understood. */
  leave(): void {
    if (!this.isOpen) return;
    this.#setGone();
    this.#tell?.();
  }

  #setGone(): void {
    this.state = "gone";
    this.released();
    this.#wake?.();
  }

  /** Nobody waits for the body any more. */
  protected released(): void {}

  hint(fields: readonly (string | Buffer)[]): boolean {
    return (
      this.state === "waiting" &&
      this.sendsExtras &&
      this.writeHint(fields.map(toPlain))
    );
  }

  get isOpen(): boolean {
    return this.state === "waiting" || this.state === "streaming";
  }

  /** Node keeps what has come until somebody wants it. */
  returned(): void {}

  onData(push: (data: Uint8Array, isLast: boolean) => void): void {
    this.#source
      .on("data", ({ buffer, byteOffset, length }) =>
        push(new Uint8Array(buffer, byteOffset, length), false),
      )
      .on("end", () => push(NOTHING, true));
  }

  pause(): void {
    if (this.isOpen) this.#source.pause();
  }

  /** When the body is wanted. */
  resume(): void {
    if (this.awaited && this.state === "waiting") {
      this.awaited = false;
      this.invite();
    }
    this.letGo();
  }

  /** A body that stays paused would never bring the next request. */
  protected letGo(): void {
    if (this.#source.isPaused()) this.#source.resume();
  }

  sendPlain(contentType: string, body: Chunk): void {
    if (this.state !== "waiting") return;
    const fields = ["content-type", contentType];
    this.#sendWhole(200, undefined, fields, body, false);
  }

  send(head: ReplyHead, body: Chunk): void {
    if (this.state !== "waiting") return;
    const { status, close } = head;
    const bytes = isPlain(head) ? body : Buffer.from(body as string); // Node would write both in one encoding
    this.#sendWhole(status, reasonOf(head), plainFields(head), bytes, close);
  }

  #sendWhole(
    status: number,
    reason: string | undefined,
    fields: string[],
    body: Chunk,
    close: boolean,
  ): void {
    this.bytes = Buffer.byteLength(body);
    fields.push("content-length", String(this.bytes));
    this.#begin(status, reason, fields, close);
    this.#end(this.bytes > 0 ? body : undefined); // Node throws at bytes that were transferred, of which none are left
  }

  /** Of what came behind the request nothing has its turn any more. */
  sever(head: ReplyHead, body: string | undefined): void {
    if (body === undefined) this.sendHead(head, undefined);
    else this.send(head, body);
  }

  sendHead(head: ReplyHead, length: number | undefined): void {
    if (this.state !== "waiting") return;
    this.#beginWith(head, length);
    this.#end(undefined);
  }

  start(head: ReplyHead): void {
    if (this.state !== "waiting") return;
    this.state = "streaming";
    this.length = head.contentLength;
    if (this.sendsExtras) this.trailing = head.trailers;
    this.#watchOnce();
    this.#beginWith(head, this.length);
  }

  #beginWith(head: ReplyHead, length: number | undefined): void {
    const fields = plainFields(head, this.trailing !== undefined);
    if (length !== undefined) fields.push("content-length", String(length));
    this.#begin(head.status, reasonOf(head), fields, head.close);
  }

  #begin(
    status: number,
    reason: string | undefined,
    fields: string[],
    close: boolean,
  ): void {
    this.status = status;
    if (this.#requestId !== undefined && !hasField(fields, REQUEST_ID_FIELD))
      fields.push(REQUEST_ID_FIELD, this.#requestId);
    this.writeHead(status, reason, fields, close);
  }

  write(chunk: Chunk): boolean {
    if (this.state === "gone") return true;
    const bytes = Buffer.byteLength(chunk);
    checkNotTooMuch(this.bytes + bytes, this.length);
    this.bytes += bytes;
    this.#bytesInTurn += bytes;
    if (this.bytes === this.length) this.#end(bytes > 0 ? chunk : undefined);
    else if (bytes > 0 && this.state === "streaming")
      this.full = !this.writeChunk(copyOf(chunk));
    return (
      !this.full &&
      ++this.#chunksInTurn < CHUNKS_PER_TURN &&
      this.#bytesInTurn < BYTES_PER_TURN
    );
  }

  writeAll(step: Step, rest: { next(): Step }): boolean {
    for (let next = step; !next.done; next = rest.next()) {
      if (this.state === "gone") return true;
      if (!this.write(next.value)) return false;
    }
    return true;
  }

  async writable(): Promise<void> {
    this.#chunksInTurn = this.#bytesInTurn = 0;
    if (this.full && this.state === "streaming")
      await (this.#whenWritable ??= new Promise((resolve) => {
        this.#wake = () => {
          this.#whenWritable = this.#wake = undefined;
          resolve();
        };
      }));
    await setImmediate();
  }

  /** The client can take more. */
  protected proceed(): void {
    this.full = false;
    this.#wake?.();
  }

  async taken(): Promise<void> {
    while (this.state === "streaming") await this.writable();
  }

  end(): void {
    if (this.state !== "streaming" || this.#isEnded) return;
    checkAllProduced(this.bytes, this.length);
    const trailers = this.trailing?.();
    if (trailers !== undefined) this.writeTrailers(trailers.map(toPlain));
    this.#end(undefined);
  }

  /** The end, and what comes before it. */
  #end(last: Chunk | undefined): void {
    if (this.#isEnded) return;
    this.letGo();
    this.released();
    const isTaken = this.writeEnd(last);
    this.#isEnded = true; // a head that Node throws at has not left, and an error can
    if (isTaken) {
      this.state = "ended";
      return;
    }
    this.state = "streaming";
    this.full = true;
    this.#watchOnce();
  }

  /** The system has taken the end. */
  protected finish(): void {
    if (!this.isOpen) return;
    this.state = "ended";
    this.released(); // also of what was held back behind the end of the reply
    this.#wake?.();
  }

  close(): void {
    if (!this.isOpen) return;
    this.#setGone();
    this.cut();
  }
}

/**
 * Node sends it at the end of the turn, and the application may have filled its buffer anew by then. Only what
 * completes a body of a promised length, as a large whole one does, is not copied.
 */
const copyOf = (chunk: Chunk): Chunk =>
  typeof chunk === "string" ? chunk : Buffer.from(chunk);

/** Undefined: the usual one. */
const reasonOf = ({ statusLine }: ReplyHead): string | undefined =>
  statusLine === "200 OK" ? undefined : statusLine.slice(4);

const isPlain = ({ fields }: ReplyHead): boolean =>
  fields.every((it) => typeof it === "string");

/** As Node takes them; without `Trailer` where none can follow: it refuses one before a body with a length. */
function plainFields({ fields, date }: ReplyHead, canTrail = false): string[] {
  const plain = date === undefined ? [] : ["date", date];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (!canTrail && name.length === 7 && name.toLowerCase() === "trailer")
      continue;
    plain.push(name, toPlain(fields[i + 1]!));
  }
  return plain;
}

/** A character for each byte. */
const toPlain = (value: string | Buffer): string =>
  typeof value === "string" ? value : toLatin1(value);

const toLatin1 = (bytes: Buffer): string => bytes.toString("latin1");
