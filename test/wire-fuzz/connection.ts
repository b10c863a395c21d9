/** A connection from an address of its own, by which the servers tell it from all others. */
import { connect, type Socket } from "node:net";
import { parseReplies, type Reply } from "../wire/replies.ts";
import { HOST } from "./served.ts";

/** Nobody waits for time to pass; this only ends a wait for what will never come. */
const PATIENCE_MS = 5000;

export class Connection {
  readonly replies: Reply[] = [];
  /** Bytes that are no complete reply (yet). */
  rest = "";
  closed = false;
  readonly #socket: Socket;
  readonly #answersHead: (index: number) => boolean;
  #wake: () => void = () => {};

  private constructor(socket: Socket, answersHead: (index: number) => boolean) {
    this.#socket = socket;
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

  static open(
    port: number,
    localAddress: string,
    answersHead: (index: number) => boolean,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: HOST, port, localAddress }, () => {
        socket.off("error", reject);
        resolve(new Connection(socket, answersHead));
      });
      socket.once("error", reject);
    });
  }

  /** What a closed connection is sent is lost, as it would be on the way. */
  send(bytes: string): void {
    if (!this.closed) this.#socket.write(bytes, "latin1");
  }

  /** Waits until `done`, or the connection is closed. False: neither happened. */
  async until(done: () => boolean): Promise<boolean> {
    if (done() || this.closed) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), PATIENCE_MS);
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
