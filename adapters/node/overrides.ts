/** What is put in place of Node's own methods, below all that it does with headers, chunks and errors. */
import { UsageError } from "../../lib/adapter.ts";
import { headOf, noTrailers, type Head } from "./head.ts";
import type { Incoming, Outgoing, Callback } from "./insides.ts";
import { readAtOnce } from "./piped-file.ts";

/** Where the methods find whom they work for. */
const CALL = Symbol("eddy.call");

/** Who gets what the application says. */
export interface Answering {
  readonly response: Outgoing;
  take(head: Head): void;
  /** False: it is time to wait for `drain`. `told`: called when the client has taken it. */
  write(
    data: string | Uint8Array,
    encoding: BufferEncoding | null | undefined,
    told: Callback | undefined,
  ): boolean;
  /** Nothing more will be written. */
  end(): void;
  /** The body is wanted. */
  read(): void;
}

type OfCall<T> = T & { [CALL]: Answering };

/** In a request, whose `_read` would have the connection read. */
export function overrideRequest(req: Incoming, call: Answering): void {
  (req as OfCall<Incoming>)[CALL] = call;
  req._read = read;
}

/** In a response: the head as it is before it is text, the pieces of the body, the end. */
export function overrideResponse(res: Outgoing, call: Answering): void {
  (res as OfCall<Outgoing>)[CALL] = call;
  res._storeHeader = storeHeader;
  res._send = send;
  res._finish = finish;
  res._writeRaw = writeRaw;
  res.emit = emit;
}

/** A stream says so to whom it is piped into. */
function emit(this: OfCall<Outgoing>, ...event: unknown[]): boolean {
  if (event[0] === "pipe") readAtOnce(event[1]);
  // that of its class, or of the application's: not of `this`, which may be made from the response
  const above = Object.getPrototypeOf(this[CALL].response) as Outgoing;
  return above.emit.apply(this, event as [string]);
}

function read(this: OfCall<Incoming>): void {
  this._consuming = true;
  this[CALL].read();
}

function storeHeader(
  this: OfCall<Outgoing>,
  firstLine: string,
  headers: unknown,
): void {
  this[CALL].take(headOf(this, headers));
  this.chunkedEncoding = false; // or Node writes the sizes of chunks itself
  this._header = firstLine;
}

function send(
  this: OfCall<Outgoing>,
  data: string | Uint8Array,
  encoding: BufferEncoding | Callback | null | undefined,
  told?: Callback,
): boolean {
  return typeof encoding === "function"
    ? this[CALL].write(data, undefined, encoding)
    : this[CALL].write(data, encoding, told);
}

function finish(this: OfCall<Outgoing>): void {
  if (this._trailer !== "") {
    const error = noTrailers();
    this.destroy(error); // it counts as ended, and would never be
    throw error;
  }
  this.emit("prefinish");
  this[CALL].end();
}

/** An interim reply. That a body is wanted (100) the gateway says when it is read. */
function writeRaw(data: string): boolean {
  if (data.startsWith("HTTP/1.1 100")) return true;
  throw new UsageError(
    "an interim reply cannot be sent from below node(): in place of early hints set the field " +
      "`link` of the reply, and in place of 102 write what there is",
  );
}
