/** A connection from an address of its own, by which the servers tell it from all others. */
import { connect, type Socket } from "node:net";
import { parseReplies, type Reply } from "../../test/wire/replies.ts";
import { HOST } from "./served.ts";

export class Connection {
  readonly replies: Reply[] = [];
  /** Bytes that are no complete reply (yet). */
  rest = "";
  closed = false;
  readonly #socket: Socket;
  readonly #patienceMs: number;
  readonly #answersHead: (index: number) => boolean;
  #wake: () => void = () => {};

  private constructor(
    socket: Socket,
    patienceMs: number,
    answersHead: (index: number) => boolean,
  ) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
    this.#answersHead = answersHead;
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (data: string) => this.#take(data));
    socket.on("error", () => {}); // a reset shows as `closed`
    socket.on("close", () => {
      this.closed = true;
      this.#take("");
    });
  }

  /** One that cannot be opened is closed. */
  static async open(
    port: number,
    localAddress: string,
    patienceMs: number,
    answersHead: (index: number) => boolean,
  ): Promise<Connection> {
    const socket = connect({ host: HOST, port, localAddress });
    const connection = new Connection(socket, patienceMs, answersHead);
    await new Promise((resolve) => {
      socket.once("connect", resolve).once("close", resolve);
    });
    return connection;
  }

  /** What a closed connection is sent is lost, as it would be on the way. */
  send(bytes: string): void {
    if (!this.closed) this.#socket.write(bytes, "latin1");
  }

  /** Waits until `done`, or the connection is closed. False: neither happened. */
  async until(done: () => boolean): Promise<boolean> {
    if (done() || this.closed) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#patienceMs);
      this.#wake = () => {
        if (!done() && !this.closed) return;
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(data: string): void {
    const known = this.replies.length;
    const { replies, rest } = parseReplies(
      this.rest + data,
      (index) => this.#answersHead(known + index),
      this.closed,
    );
    this.replies.push(...replies);
    this.rest = rest;
    this.#wake();
  }
}
