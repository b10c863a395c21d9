/**
 * What the gateway and a worker say to each other; the beginning of worker.py has the whole of it.
 *
 * A frame is a length of 24 bits and a type of 8, little-endian, and so many bytes.
 */

/** Types of the frames to a worker. */
export const TO_WORKER = {
  request: 1,
  body: 2,
  bodyEnd: 3,
  bodyLost: 4,
} as const;

/** Types of the frames from a worker. The first three are bits of one type. */
export const FROM_WORKER = {
  head: 1,
  end: 2,
  fail: 4,
  skip: 8,
  hello: 16,
  log: 32,
} as const;

/** Bytes of a body that travel inside its request. Larger ones are streamed, and need a thread that has nothing else to do. */
export const INLINE_BYTES = 64 * 1024;

/** The four bytes before a frame, a character each. */
export function frameStart(type: number, length: number): string {
  return String.fromCharCode(
    length & 255,
    (length >> 8) & 255,
    (length >> 16) & 255,
    type,
  );
}

/** A whole request but for a streamed body; a character a byte. */
export function requestFrame(
  environ: string,
  body: string,
  streamed: boolean,
): string {
  const { length } = environ;
  return (
    frameStart(TO_WORKER.request, 4 + length + body.length) +
    frameStart(streamed ? 1 : 0, length) +
    environ +
    body
  );
}

/** A frame of bytes. */
export function frame(type: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + payload.length);
  bytes.write(frameStart(type, payload.length), "latin1");
  bytes.set(payload, 4);
  return bytes;
}

/** Is told of a frame; `bytes` from `start` to `end` are its payload, and are lost when this returns. */
export type OnFrame = (
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void;

/** Cuts what comes into frames. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  /** The beginning of a frame whose rest has not come yet. */
  #rest: Buffer | undefined;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  push(data: Buffer): void {
    const bytes =
      this.#rest === undefined ? data : Buffer.concat([this.#rest, data]);
    const at = readFrames(bytes, this.#onFrame);
    this.#rest =
      at < bytes.length ? Buffer.from(bytes.subarray(at)) : undefined;
  }
}

/** Gives how many bytes make whole frames. */
export function readFrames(bytes: Buffer, onFrame: OnFrame): number {
  let at = 0;
  while (bytes.length - at >= 4) {
    const start = at + 4;
    const end = start + bytes.readUIntLE(at, 3);
    if (end > bytes.length) break;
    onFrame(bytes[at + 3]!, bytes, start, end);
    at = end;
  }
  return at;
}
