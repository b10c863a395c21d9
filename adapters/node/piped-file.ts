/** A file that an application pipes into its response, as Express's `send` does. */
import fs, { createReadStream, ReadStream } from "node:fs";

/** What `createReadStream` keeps beside what it documents. */
type FileStream = ReadStream & {
  fd: number;
  /** Where it reads next, where that was given. */
  pos?: number;
  end?: number;
  bytesRead: number;
  /** Read at once since the loop's last turn. */
  [IN_TURN]?: number;
};

const IN_TURN = Symbol("bytes in this turn");

/** Bytes that one stream reads before others get their turn: nobody may hold it back, as where there is no body. */
const TURN_BYTES = 256 * 1024;

/** Where a stream keeps by what it reads, which an application may have given it. Undefined: not known here. */
const BY: symbol | undefined = Object.getOwnPropertySymbols(
  createReadStream("", { fd: 0, autoClose: false }), // which opens nothing, and reads nothing
).find(({ description }) => description === "kFs");

/**
 * From now on it reads from the system's cache of files within the call that asks for a piece, which is several times
 * cheaper than a turn of Node's threads. All else of the stream is as it was: ranges, events, errors, its end.
 */
export function readAtOnce(source: unknown): void {
  if (
    source instanceof ReadStream &&
    source._read === ReadStream.prototype._read &&
    BY !== undefined &&
    Reflect.get(source, BY) === fs
  )
    source._read = readFirst;
}

/** What is no plain file, a pipe for one, could keep the loop waiting. */
function readFirst(this: FileStream, size: number): void {
  if (fs.fstatSync(this.fd).isFile()) this._read = read;
  else Reflect.deleteProperty(this, "_read");
  this._read(size);
}

function read(this: FileStream, size: number): void {
  const { pos, end = Infinity, [IN_TURN]: inTurn = 0 } = this;
  if (inTurn >= TURN_BYTES) {
    this[IN_TURN] = 0;
    return ReadStream.prototype._read.call(this, size); // a turn of its own
  }
  const left = Math.min(size, end - (pos ?? this.bytesRead) + 1);
  if (left <= 0) return void this.push(null);
  const piece = Buffer.allocUnsafeSlow(left);
  let count: number;
  try {
    count = fs.readSync(this.fd, piece, 0, left, pos ?? null);
  } catch (error) {
    return void this.destroy(error as Error);
  }
  if (count === 0) return void this.push(null);
  if (inTurn === 0) setImmediate(() => (this[IN_TURN] = 0));
  this[IN_TURN] = inTurn + count;
  this.bytesRead += count;
  if (pos !== undefined) this.pos = pos + count;
  this.push(count === left ? piece : piece.subarray(0, count));
}
