/** A client of WebSockets that sends frames as they are told, however wrong, and keeps in words what it gets. */
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { inflateRawSync } from "node:zlib";
import { CLOSE, frame, FrameReader, inWords, type Frame } from "./frames.ts";

export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** What an upgrade asks for, but for what is told by name; an empty value leaves a field out. */
export function handshake(
  path: string,
  fields: Readonly<Record<string, string>> = {},
  line = `GET ${path} HTTP/1.1`,
): string {
  const all: Record<string, string> = {
    host: "a.example",
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === "" ? [] : [`${name}: ${value}`],
  );
  return [line, ...lines, "", ""].join("\r\n");
}

export class FrameClient {
  readonly socket: Socket;
  /** The head of the reply. */
  head = "";
  /** Frames in words; `closed` in the end. */
  readonly received: string[] = [];
  closed = false;
  readonly #reader = new FrameReader();
  #bytes = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket
      .on("data", (bytes: Buffer) => this.#take(bytes))
      .on("error", () => {}) // a reset shows as `closed`
      .on("close", () => {
        this.closed = true;
        this.#wake();
      });
  }

  static async connect(port: number): Promise<FrameClient> {
    const socket = connect({ port, host: "127.0.0.1" });
    const client = new FrameClient(socket);
    await once(socket, "connect");
    return client;
  }

  get status(): number {
    return Number(this.head.split(" ")[1]);
  }

  /** A field of the reply; undefined where there is none. */
  field(name: string): string | undefined {
    return new RegExp(`^${name}: (.*)\r$`, "im").exec(this.head)?.[1];
  }

  send(bytes: string | Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Until something holds, or the connection is closed. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.closed)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  untilHead(): Promise<void> {
    return this.until(() => this.head !== "");
  }

  #take(bytes: Buffer): void {
    if (this.head === "") {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.head = this.#bytes.toString("latin1", 0, end + 4);
      bytes = this.#bytes.subarray(end + 4);
    }
    if (this.status === 101)
      for (const one of this.#reader.read(bytes)) this.#got(one);
    this.#wake();
  }

  /** A close is answered, as the server may wait for it. */
  #got(one: Frame): void {
    this.received.push(inWords(inflated(one)));
    if (one.opcode === CLOSE) this.send(frame(CLOSE, one.payload));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A message that is compressed (RFC 7692, section 7.2.2), without what came before it. */
function inflated(one: Frame): Frame {
  if (one.rsv !== 4) return one;
  const tail = Buffer.from([0, 0, 0xff, 0xff]);
  const payload = inflateRawSync(Buffer.concat([one.payload, tail]), {
    finishFlush: 2, // Z_SYNC_FLUSH: there is no end in it
  });
  return { ...one, payload };
}
