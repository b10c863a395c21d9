/** A connection of a client that chooses every byte it sends, and when. */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { parseReplies, type Parsed } from "./replies.ts";

/** Where a server listens. */
export type Target =
  { port: number; tls?: boolean } | { unix: string; tls?: false };

/** A test waits for events. This only ends one that waits for what will never come, so that it can say what did. */
const PATIENCE_MS = 700;

export class Connection {
  received = "";
  closed = false;
  readonly #socket: Socket;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
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
  }

  static open(target: Target): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const opened = (): void => resolve(new Connection(socket));
      const socket: Socket = target.tls
        ? connectTls({ ...LOCAL, port: target.port, ...UNVERIFIED }, opened)
        : connectPlain(
            "unix" in target
              ? { path: target.unix }
              : { ...LOCAL, port: target.port },
            opened,
          );
      socket.once("error", reject);
    });
  }

  /** One character a byte. What a closed connection is sent is lost, as it would be on the way. */
  send(bytes: string): void {
    if (!this.closed) this.#socket.write(bytes, "latin1");
  }

  parse(answersHead: (index: number) => boolean): Parsed {
    return parseReplies(this.received, answersHead, this.closed);
  }

  /** Waits until `done`, or until nothing more can come. */
  async until(done: () => boolean): Promise<void> {
    const given = performance.now() + PATIENCE_MS;
    while (!done() && !this.closed && performance.now() < given)
      await this.#change(given - performance.now());
  }

  end(): void {
    this.#socket.destroy();
  }

  #change(atMost: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, atMost));
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

const LOCAL = { host: "127.0.0.1" };
const UNVERIFIED = { rejectUnauthorized: false };
