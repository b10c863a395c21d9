/** A client of WebSockets (`ws`), which keeps what it gets. */
import { once } from "node:events";
import { WebSocket, type ClientOptions } from "ws";
import { afterTest } from "./hooks.ts";

export class SocketClient {
  readonly ws: WebSocket;
  readonly received: (string | Buffer)[] = [];
  /** Code and reason. */
  readonly closed: Promise<[code: number, reason: string]>;
  #waiting: (() => void)[] = [];

  /** `path` with protocols, each behind a space: `/chat v1 v2`. */
  constructor(port: number, path: string, options: ClientOptions = {}) {
    const [target, ...protocols] = path.split(" ");
    this.ws = new WebSocket(`ws://127.0.0.1:${port}${target}`, protocols, {
      perMessageDeflate: false,
      ...options,
    });
    this.ws
      .on("error", () => {}) // "close" follows
      .on("message", (data: Buffer, isBinary) => {
        this.received.push(isBinary ? data : data.toString());
        for (const look of this.#waiting.splice(0)) look();
      });
    this.closed = new Promise((resolve) =>
      this.ws.on("close", (code, reason) => {
        resolve([code, reason.toString()]);
        for (const look of this.#waiting.splice(0)) look();
      }),
    );
    afterTest(() => this.ws.terminate());
  }

  /** Once it is open. */
  static async open(
    port: number,
    path: string,
    options?: ClientOptions,
  ): Promise<SocketClient> {
    const client = new SocketClient(port, path, options);
    await once(client.ws, "open");
    return client;
  }

  send(message: string | Uint8Array): void {
    this.ws.send(message);
  }

  /** So many messages, or those that came until it has closed. */
  async messages(count: number): Promise<(string | Buffer)[]> {
    while (
      this.received.length < count &&
      this.ws.readyState !== WebSocket.CLOSED
    )
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.received;
  }
}

/** The status with which an upgrade is refused. */
export async function refusal(
  port: number,
  path: string,
  options?: ClientOptions,
): Promise<number | undefined> {
  const { ws } = new SocketClient(port, path, options);
  const [, { statusCode }] = (await once(ws, "unexpected-response")) as [
    unknown,
    { statusCode?: number },
  ];
  return statusCode;
}
