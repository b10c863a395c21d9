/** A WebSocket of an application with ASGI: its handshake, and from then on messages both ways. */
import type { Operation } from "eddy/operations";
import { upgrade, type Message, type Socket } from "../../../lib/adapter.ts";
import type { ReplyReceiver } from "../../common/submit.ts";
import type { WorkerFrame } from "../protocol.ts";
import { AsgiCall, type AsgiCallConnection } from "./call.ts";
import { FLAG, FROM_ASGI, MAX_MESSAGE, pairsIn, TO_ASGI } from "./protocol.ts";

/** Options of its sockets: the application sees the field Origin, and has its own opinion. */
export const SOCKET_OPTIONS = {
  origins: "any",
  maxMessageBytes: MAX_MESSAGE,
} as const;

export class SocketCall extends AsgiCall {
  readonly #receiver: ReplyReceiver<ReturnType<typeof upgrade>>;
  #accepted = false;
  #socket: Socket | undefined;
  /** What came before there was a socket. */
  #early: (() => void)[] = [];

  constructor(
    request: AsgiCall["request"],
    head: string,
    receiver: ReplyReceiver<ReturnType<typeof upgrade>>,
  ) {
    super(request, head, undefined, receiver);
    this.#receiver = receiver;
  }

  override get flags(): number {
    return FLAG.webSocket;
  }

  override get replies(): boolean {
    return this.#accepted || super.replies;
  }

  /** Its process is replaced: clients come back, to another one. */
  override retire(): void {
    this.#whenOpen((socket) => socket.close(1012, "the server restarts"));
  }

  override hear(frame: WorkerFrame): void {
    const { type, bytes, start, end } = frame;
    if (type === FROM_ASGI.accept)
      this.#accept(bytes.toString("latin1", start, end));
    else if (type === FROM_ASGI.text)
      this.#send(bytes.toString("utf8", start, end));
    else if (type === FROM_ASGI.data)
      this.#send(Uint8Array.prototype.slice.call(bytes, start, end));
    else if (type === FROM_ASGI.close) {
      const reason = bytes.toString("utf8", start + 2, end);
      this.#close(bytes.readUInt16LE(start), reason);
    } else super.hear(frame);
  }

  /** The application has failed, or its process has. */
  override fail(error: Error): void {
    const wasOpen = this.open;
    super.fail(error);
    if (!this.#accepted || !wasOpen) return;
    this.request.log.error(
      { err: error },
      "the application of a WebSocket failed",
    );
    this.#close(1011, "");
  }

  #accept(text: string): void {
    this.#accepted = true;
    const protocol = text.split("\0", 1)[0] || undefined;
    const connection = this.connection as AsgiCallConnection;
    const run = (socket: Socket): Operation<void> => this.#run(socket);
    try {
      const reply = upgrade(run, {
        protocol,
        headers: pairsIn(text),
        unused: () => connection.drop(this),
      });
      this.#receiver.resolve(reply);
    } catch (error) {
      this.#accepted = false;
      this.fail(error as Error);
      connection.drop(this);
    }
  }

  *#run(socket: Socket): Operation<void> {
    this.#socket = socket;
    const connection = this.connection as AsgiCallConnection;
    try {
      for (const go of this.#early.splice(0)) go();
      for (let message; (message = yield* socket.receive()) !== undefined;)
        yield* connection.sendPaced(
          typeof message === "string" ? TO_ASGI.text : TO_ASGI.data,
          this,
          asBytes(message),
        );
    } finally {
      const { code, reason } = socket.closed ?? { code: 1006, reason: "" };
      connection.closed(this, code, reason);
    }
  }

  /** Calls it as soon as there is a socket, unless that is closed by then. */
  #whenOpen(go: (socket: Socket) => void): void {
    if (!this.#accepted) return;
    if (this.#socket === undefined) this.#early.push(() => this.#whenOpen(go));
    else if (this.#socket.closed === undefined) go(this.#socket);
  }

  #send(message: Message): void {
    this.#whenOpen((socket) => {
      const length =
        typeof message === "string"
          ? Buffer.byteLength(message)
          : message.length;
      const taken = (): void => this.taken(1, length);
      socket.send(message).then(taken, taken);
    });
  }

  #close(code: number, reason: string): void {
    this.#whenOpen((socket) => {
      try {
        socket.close(code, reason);
      } catch (error) {
        this.request.log.error({ err: error }, "websocket.close");
        socket.close(1011);
      }
    });
  }
}

const asBytes = (message: Message): Uint8Array =>
  typeof message === "string" ? Buffer.from(message) : message;
