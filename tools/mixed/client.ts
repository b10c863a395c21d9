/** One client of the mixed load: asks over a connection of its own, one request after the other. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A request, and what is to come of it. */
export interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: Buffer;
  /** What the head says of the body's length, where that is not so. */
  readonly announced?: number;
  readonly status: number;
  /** `leave`: the client goes with the first of the reply's body. `cut`: the server ends the connection within it. */
  readonly ending?: "leave" | "cut";
}

export class Client {
  readonly #port: number;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => {};

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws {Error} that says what came in place of the reply. */
  async ask(request: Request): Promise<void> {
    try {
      await this.#ask(request);
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(`${request.path}: ${message}`, { cause });
    }
  }

  async #ask(request: Request): Promise<void> {
    await this.#connect();
    this.#send(request);
    const head = await this.#head();
    const status = Number(head.slice(9, 12));
    if (status !== request.status)
      throw new Error(`${head}, not ${request.status}`);
    if (request.ending === "leave") return this.#leave();
    await this.#body(head, request);
    if (this.#closed || /^connection: close/im.test(head)) this.end();
  }

  end(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #connect(): Promise<void> {
    if (this.#socket !== undefined && !this.#closed) return;
    this.#received = Buffer.alloc(0);
    this.#closed = false;
    const socket = connect(this.#port, "127.0.0.1").setNoDelay();
    this.#socket = socket;
    socket.on("data", (data) => {
      this.#received = this.#received.length
        ? Buffer.concat([this.#received, data])
        : data;
      this.#wake();
    });
    socket.on("error", () => {}); // the close behind it says enough
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#closed = true;
      this.#wake();
    });
    await once(socket, "connect");
  }

  #send({ method, path, body, announced }: Request): void {
    const length =
      body === undefined
        ? ""
        : `content-length: ${announced ?? body.length}\r\n`;
    this.#socket!.write(
      `${method} ${path} HTTP/1.1\r\nhost: mixed\r\n${length}\r\n`,
    );
    if (body !== undefined) this.#socket!.write(body);
  }

  async #head(): Promise<string> {
    const end = await this.#find("\r\n\r\n", 0);
    const head = this.#received.toString("latin1", 0, end);
    this.#received = this.#received.subarray(end + 4);
    return head;
  }

  async #body(head: string, { path, ending }: Request): Promise<void> {
    const length = /^content-length: (\d+)/im.exec(head)?.[1];
    if (length !== undefined) {
      while (this.#received.length < Number(length)) await this.#more(path);
      this.#received = this.#received.subarray(Number(length));
    } else if (ending === "cut") {
      while (!this.#closed) await this.#more(path, true);
    } else {
      const end = await this.#find("0\r\n\r\n", 0);
      this.#received = this.#received.subarray(end + 5);
    }
  }

  async #leave(): Promise<void> {
    while (this.#received.length === 0) await this.#more("a reply to leave");
    this.end();
  }

  async #find(text: string, from: number): Promise<number> {
    for (;;) {
      const at = this.#received.indexOf(text, from, "latin1");
      if (at >= 0) return at;
      await this.#more(text);
    }
  }

  async #more(what: string, mayClose = false): Promise<void> {
    if (this.#closed && !mayClose)
      throw new Error(`the connection was closed before ${what} came`);
    if (this.#closed) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
