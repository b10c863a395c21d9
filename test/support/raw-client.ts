/** A client that sends bytes and reads bytes: for what `fetch` hides or cannot do. */
import { connect, type Socket } from "node:net";
import { afterTest } from "./hooks.ts";

export class RawClient {
  readonly socket: Socket;
  /** Everything received, one character a byte. */
  received = "";
  closed = false;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (data: string) => {
      this.received += data;
      this.#wake();
    });
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
    socket.on("error", () => {}); // a reset shows as `closed`
    afterTest(() => this.abort());
  }

  static connect(target: number | string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const options =
        typeof target === "number"
          ? { port: target, host: "127.0.0.1" }
          : { path: target };
      const socket = connect(options, () => resolve(new RawClient(socket)));
      socket.once("error", reject);
    });
  }

  /** One character a byte. */
  send(bytes: string): this {
    this.socket.write(bytes, "latin1");
    return this;
  }

  /** A request with a Host; `extra` are further header lines. */
  request(line: string, extra: string[] = [], body = ""): this {
    return this.send(
      `${[`${line} HTTP/1.1`, "Host: test", ...extra].join("\r\n")}\r\n\r\n${body}`,
    );
  }

  /** Waits until what was received matches; fails when the connection closes without it. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.received);
      if (match) return match;
      if (this.closed)
        throw new Error(
          `closed before ${String(pattern)}; received ${JSON.stringify(this.received)}`,
        );
      await this.#change();
    }
  }

  /** Everything, up to the end of the connection. */
  async untilClosed(): Promise<string> {
    while (!this.closed) await this.#change();
    return this.received;
  }

  /** Sends nothing more, as who is done. */
  finish(): this {
    this.socket.end();
    return this;
  }

  /** Goes away without a word. */
  abort(): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
