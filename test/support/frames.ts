/** Frames of WebSocket (RFC 6455, section 5.2), right ones and wrong ones, as a client sends them and reads them. */
import { createHash } from "node:crypto";

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

const NAMES: Readonly<Record<number, string>> = {
  [CONTINUATION]: "continuation",
  [TEXT]: "text",
  [BINARY]: "binary",
  [CLOSE]: "close",
  [PING]: "ping",
  [PONG]: "pong",
};

export interface Frame {
  readonly fin: boolean;
  /** The three reserved bits: 4 is RSV1. */
  readonly rsv: number;
  readonly opcode: number;
  readonly payload: Buffer;
}

interface FrameOptions {
  fin?: boolean;
  rsv?: number;
  /** Undefined: the frame is not masked. */
  mask?: readonly [number, number, number, number] | undefined;
  /** The length that the frame says, and the bytes that it takes to say it (1, 3 or 9), if not as it has to be. */
  length?: number | bigint;
  lengthBytes?: number;
}

const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;

/** As a client sends it: masked, unless it is told otherwise. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = "",
  options: FrameOptions = {},
): Buffer {
  const { fin = true, rsv = 0 } = options;
  const mask = "mask" in options ? options.mask : MASK;
  const bytes = Buffer.from(payload as string);
  const { length = bytes.length } = options;
  const { lengthBytes = usualLengthBytes(Number(length)) } = options;
  const head = Buffer.alloc(1 + lengthBytes);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  if (lengthBytes === 1) head[1] = Number(length);
  if (lengthBytes === 3) head.writeUInt16BE(Number(length), 2);
  if (lengthBytes === 9) head.writeBigUInt64BE(BigInt(length), 2);
  if (lengthBytes > 1) head[1] = lengthBytes === 3 ? 126 : 127;
  if (mask === undefined) return Buffer.concat([head, bytes]);
  head[1]! |= 0x80;
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= mask[i % 4]!;
  return Buffer.concat([head, Buffer.from(mask), bytes]);
}

const usualLengthBytes = (length: number): number =>
  length < 126 ? 1 : length < 65_536 ? 3 : 9;

/** The payload of a close frame. */
export function closePayload(code: number, reason = ""): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

/** Cuts what a server sends into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws {Error} for a masked frame: servers do not mask. */
  read(bytes: Buffer): Frame[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    for (let one; (one = this.#next()) !== undefined;) frames.push(one);
    return frames;
  }

  #next(): Frame | undefined {
    const { length } = this.#rest;
    if (length < 2) return undefined;
    const [first, second] = this.#rest as Buffer & [number, number];
    if (second & 0x80) throw new Error("the server masks");
    const head = second === 127 ? 10 : second === 126 ? 4 : 2;
    if (length < head) return undefined;
    const size = this.#size(second);
    if (length < head + size) return undefined;
    const payload = this.#rest.subarray(head, head + size);
    this.#rest = this.#rest.subarray(head + size);
    const rsv = (first >> 4) & 7;
    return { fin: (first & 0x80) !== 0, rsv, opcode: first & 0x0f, payload };
  }

  #size(second: number): number {
    if (second === 126) return this.#rest.readUInt16BE(2);
    return second === 127 ? Number(this.#rest.readBigUInt64BE(2)) : second;
  }
}

/** A frame in words, as tables have it: `text "hello"`, `close 1000 "bye"`, `binary of 70000 bytes (1b2c3d4e)`. */
export function inWords({ fin, rsv, opcode, payload }: Frame): string {
  const bits = `${rsv === 0 ? "" : ` rsv ${rsv}`}${fin ? "" : " first part"}`;
  const name = `${NAMES[opcode] ?? `opcode ${opcode}`}${bits}`;
  if (opcode === CLOSE && payload.length >= 2) {
    const reason = payload.toString("utf8", 2);
    const code = payload.readUInt16BE();
    return reason === "" ? `${name} ${code}` : `${name} ${code} "${reason}"`;
  }
  return `${name} ${contentInWords(payload, opcode === BINARY)}`;
}

function contentInWords(payload: Buffer, isBinary: boolean): string {
  if (payload.length > 32)
    return `of ${payload.length} bytes (${createHash("sha1").update(payload).digest("hex").slice(0, 8)})`;
  return isBinary
    ? payload.toString("hex")
    : JSON.stringify(payload.toString());
}

/** What a server says that sends a whole message. */
export const message = (
  opcode: number,
  payload: string | Uint8Array,
  rsv = 0,
): string =>
  inWords({ fin: true, rsv, opcode, payload: Buffer.from(payload as string) });
