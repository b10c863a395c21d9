/** The frames of applications with ASGI; eddy_worker/asgi_wire.py describes all of them. */
import { frameStart } from "../protocol.ts";

/** Types of the frames to a worker. */
export const TO_ASGI = {
  request: 1,
  body: 2,
  bodyEnd: 3,
  disconnect: 5,
  taken: 6,
  overrun: 7,
  text: 8,
  data: 9,
  closed: 10,
} as const;

/** Types of the frames from a worker, beside those of `FROM_WORKER`. */
export const FROM_ASGI = {
  /** A head whose body is followed by trailers. */
  trailedHead: 33,
  read: 64,
  busy: 65,
  done: 66,
  hint: 67,
  trailers: 68,
  accept: 69,
  text: 70,
  data: 71,
  close: 72,
} as const;

/** Flags of a request. */
export const FLAG = { streamed: 1, webSocket: 2, isHead: 4 } as const;

/** Bytes that are on their way to one request or from it, until the other side says that it has taken some. */
export const WINDOW = 256 * 1024;

/** Bytes of a message of a WebSocket: the length of its frame has 24 bits. */
export const MAX_MESSAGE = 2 ** 24 - 1024;

/** A number of four bytes, a character each. */
export const word = (value: number): string =>
  String.fromCharCode(
    value & 255,
    (value >> 8) & 255,
    (value >> 16) & 255,
    value >>> 24,
  );

/** A character for each byte. */
export function asgiRequest(
  number: number,
  head: string,
  flags: number,
  body: string,
): string {
  const length = 8 + head.length + body.length;
  return (
    frameStart(TO_ASGI.request, length) +
    word(number) +
    frameStart(flags, head.length) +
    head +
    body
  );
}

/** A frame of a request that was given; a character for each byte. */
export const asgiFrame = (type: number, number: number, payload = ""): string =>
  frameStart(type, 4 + payload.length) + word(number) + payload;

/** A frame of bytes. */
export function asgiBytes(
  type: number,
  number: number,
  payload: Uint8Array,
): Buffer {
  const bytes = Buffer.allocUnsafe(8 + payload.length);
  bytes.write(frameStart(type, 4 + payload.length), "latin1");
  bytes.writeUInt32LE(number, 4);
  bytes.set(payload, 8);
  return bytes;
}

/** Names and values of fields, as a worker sends them behind a first text. */
export function pairsIn(text: string): [string, string][] {
  const [, ...fields] = text.split("\0");
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2)
    pairs.push([fields[i]!, fields[i + 1]!]);
  return pairs;
}
