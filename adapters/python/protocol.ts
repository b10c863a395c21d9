/** The frames that gateway and worker send each other; eddy_worker/wire.py describes all of them. */

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
  log: 16,
} as const;

/** Bytes of a body that travel inside its request. A larger one is streamed, and needs a thread for itself. */
export const INLINE_BYTES = 64 * 1024;

/** The four bytes before a payload, a character each. */
export function frameStart(type: number, length: number): string {
  return String.fromCharCode(
    length & 255,
    (length >> 8) & 255,
    (length >> 16) & 255,
    type,
  );
}

/** A request, or the beginning of one with a streamed body; a character for each byte. */
export function requestFrame(
  environ: string,
  body: string,
  streamed: boolean,
): string {
  const payload = frameStart(streamed ? 1 : 0, environ.length) + environ + body;
  return frameStart(TO_WORKER.request, payload.length) + payload;
}

/** A frame of bytes. */
export function frame(type: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + payload.length);
  bytes.write(frameStart(type, payload.length), "latin1");
  bytes.set(payload, 4);
  return bytes;
}

/** A frame, whose payload is from `start` to `end` of `bytes`. */
export interface WorkerFrame {
  readonly type: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** False when `bytes` are overwritten as soon as the listener returns. */
  readonly lasts: boolean;
}

/** The end of its payload, as bytes that last. */
export function pieceOf(frame: WorkerFrame, start: number): Buffer {
  const piece = frame.bytes.subarray(start, frame.end);
  return frame.lasts ? piece : Buffer.from(piece);
}

type FrameListener = (frame: WorkerFrame) => void;

/** Cuts what comes into frames, and keeps the beginning of one that is not complete. */
/** Up to here what comes is likely to be several small replies, and is copied as a whole, else frame by frame. */
const SMALL_READ_BYTES = 16 * 1024;

export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** What has come was complete frames. */
  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }

  /** `data` is overwritten after this call. */
  read(data: Buffer, onFrame: FrameListener): void {
    if (data.length > SMALL_READ_BYTES) this.push(data, false, onFrame);
    else this.push(Buffer.from(data), true, onFrame);
  }

  /** `lasts`: the data is not overwritten after this call. */
  push(data: Buffer, lasts: boolean, onFrame: FrameListener): void {
    if (this.#rest.length > 0) {
      data = Buffer.concat([this.#rest, data]);
      lasts = true;
    }
    const rest = data.subarray(readFrames(data, lasts, onFrame));
    this.#rest = lasts ? rest : Buffer.from(rest);
  }
}

/** Reads whole frames, and returns how many bytes they have. */
export function readFrames(
  bytes: Buffer,
  lasts: boolean,
  onFrame: FrameListener,
): number {
  let at = 0;
  while (bytes.length - at >= 4) {
    const start = at + 4;
    const end = start + bytes.readUIntLE(at, 3);
    if (end > bytes.length) break;
    onFrame({ type: bytes[at + 3]!, bytes, start, end, lasts });
    at = end;
  }
  return at;
}
