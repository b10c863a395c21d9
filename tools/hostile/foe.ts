/** One connection of an attacker. Keeps the beginning of what it receives, and counts the rest. */
import { connect, type Socket } from "node:net";

/** Characters of a reply that are kept: its head, and a little more. */
const KEPT = 2048;
/** Connections that are opened at a time: more would be dropped by the kernel, and be tried again a second later. */
const BATCH = 200;

export type Departure = "reset" | "close" | "fin";

export class Foe {
  readonly socket: Socket;
  readonly opened = performance.now();
  head = "";
  bytes = 0;
  /** Milliseconds from its beginning to its end. */
  lasted: number | undefined;
  /** Set to look at all that is received. */
  onData: ((data: string) => void) | undefined;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (data: string) => this.#receive(data));
    socket.on("drain", () => this.#wake());
    socket.on("end", () => socket.destroy());
    socket.on("error", () => {}); // a reset shows as an end
    socket.on("close", () => {
      this.lasted = performance.now() - this.opened;
      this.#wake();
    });
  }

  static connect(port: number): Promise<Foe> {
    return new Promise((resolve, reject) => {
      const socket = connect(
        { port, host: "127.0.0.1", allowHalfOpen: true },
        () => {
          socket.off("error", reject);
          resolve(new Foe(socket));
        },
      );
      socket.once("error", reject);
    });
  }

  static async many(port: number, count: number): Promise<Foe[]> {
    const foes: Foe[] = [];
    while (foes.length < count) {
      const batch = Math.min(BATCH, count - foes.length);
      const opening = Array.from({ length: batch }, () => Foe.connect(port));
      foes.push(...(await Promise.all(opening)));
    }
    return foes;
  }

  /** One character a byte. */
  send(bytes: string): this {
    this.socket.write(bytes, "latin1");
    return this;
  }

  request(line: string, fields: string[] = [], body = ""): this {
    return this.send(requestText(line, fields, body));
  }

  /** Waits until the beginning of the reply matches, or the connection has ended. */
  async until(pattern: RegExp): Promise<boolean> {
    while (!pattern.test(this.head)) {
      if (this.lasted !== undefined) return false;
      await this.#change();
    }
    return true;
  }

  /** The server has closed its side, or has cut the connection. */
  async ended(): Promise<this> {
    while (this.lasted === undefined) await this.#change();
    return this;
  }

  /** Most of what was sent is on its way, or has nowhere to go any more. */
  async drained(): Promise<void> {
    while (this.socket.writableNeedDrain && this.lasted === undefined)
      await this.#change();
  }

  leave(how: Departure): void {
    if (how === "reset") this.socket.resetAndDestroy();
    else if (how === "close") this.socket.destroy();
    else this.socket.end();
  }

  get status(): string | undefined {
    return /^HTTP\/1\.1 (\d{3}) /.exec(this.head)?.[1];
  }

  #receive(data: string): void {
    this.bytes += data.length;
    if (this.head.length < KEPT) this.head += data.slice(0, KEPT);
    this.onData?.(data);
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export function requestText(
  line: string,
  fields: string[] = [],
  body = "",
): string {
  return `${[`${line} HTTP/1.1`, "Host: test", ...fields].join("\r\n")}\r\n\r\n${body}`;
}
