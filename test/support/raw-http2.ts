/**
 * A client of HTTP/2 that writes its frames by hand: for what Node's own client does not send. RFC 9113, section 4.1.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Their types (section 6). */
export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Flags of HEADERS and DATA, of CONTINUATION, and of SETTINGS and PING. */
export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;

const CANCEL = Buffer.from([0, 0, 0, 8]);

/** Bytes of a frame before its payload. */
const HEADER = 9;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field that is not in the table, nor to be put there (RFC 7541, section 6.2.2). */
export const field = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0]), text(name), text(value)]);

const text = (it: string): Buffer =>
  Buffer.concat([Buffer.from([it.length]), Buffer.from(it, "latin1")]);

/** `GET path`, from the static table (RFC 7541, appendix A). */
export const get = (path = "/"): Buffer =>
  Buffer.concat([
    Buffer.from([0x82, 0x86, 0x01]), // GET, http, and the name of an authority
    text("a"),
    Buffer.from([0x04]), // the name of a path
    text(path),
  ]);

/** A whole request without a body. */
export const request = (stream: number, path?: string): Buffer =>
  frame(TYPE.HEADERS, END_STREAM | END_HEADERS, stream, get(path));

export const reset = (stream: number): Buffer =>
  frame(TYPE.RST_STREAM, 0, stream, CANCEL);

export class RawHttp2 {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  #bytes = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket
      .on("data", (data: Buffer) => {
        this.#bytes = Buffer.concat([this.#bytes, data]);
        while (this.#take());
        this.#wake();
      })
      .on("close", () => {
        this.closed = true;
        this.#wake();
      })
      .on("error", () => {}); // a reset shows as `closed`
  }

  /** Has sent its preface and its settings. */
  static async connect(port: number): Promise<RawHttp2> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const client = new RawHttp2(socket);
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    return client.send(frame(TYPE.SETTINGS, 0, 0));
  }

  send(...frames: readonly Uint8Array[]): this {
    if (this.socket.writable) this.socket.write(Buffer.concat(frames));
    return this;
  }

  /** Waits for a frame; fails when the connection closes without it. */
  async until(matches: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(matches);
      if (found !== undefined) return found;
      if (this.closed) throw new Error("closed before the frame");
      await this.#change();
    }
  }

  /** The connection has ended. Gives the error code of the first GOAWAY before that, if there was one (section 7). */
  async untilClosed(): Promise<number | undefined> {
    while (!this.closed) await this.#change();
    const first = this.frames.find(({ type }) => type === TYPE.GOAWAY);
    return first?.payload.readUInt32BE(4);
  }

  /** Goes away without a word. */
  abort(): void {
    this.socket.destroy();
  }

  #take(): boolean {
    const bytes = this.#bytes;
    if (bytes.length < HEADER) return false;
    const end = HEADER + bytes.readUIntBE(0, 3);
    if (bytes.length < end) return false;
    this.frames.push({
      type: bytes[3]!,
      flags: bytes[4]!,
      stream: bytes.readUInt32BE(5) & 0x7fffffff,
      payload: bytes.subarray(HEADER, end),
    });
    this.#bytes = bytes.subarray(end);
    return true;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
