/** A socket with the face of the package `ws`, for libraries that were written for one of its. */
import { EventEmitter } from "node:events";
import { bufferOf } from "../common/bytes.ts";
import { UsageError } from "../common/errors.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Message } from "./reading.ts";
import { tellPongs, type Socket } from "./socket.ts";

/** What `ws` takes as a message. */
type Data = string | number | ArrayBuffer | ArrayBufferView | readonly Buffer[];

type Sent = (error?: Error) => void;

interface SendOptions {
  /** @default whether it is bytes */
  readonly binary?: boolean | undefined;
  /** The socket's option of that name decides. */
  readonly compress?: boolean | undefined;
  /** A message in pieces is not to be had. */
  readonly fin?: boolean | undefined;
}

type BinaryType = "nodebuffer" | "arraybuffer" | "fragments";

/** Of an `IncomingMessage`, what libraries look at. */
export interface WsRequest {
  readonly method: string;
  /** The path with the mount, and the query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly socket: { readonly remoteAddress: string };
}

interface WsEvent {
  readonly type: string;
  readonly target: AsWs;
}

type Listener = (event: WsEvent) => void;

type EventListener = Listener | { handleEvent: Listener };

/** What is listened to, and what of it is made an event. */
const EVENTS = {
  open: () => ({}),
  message: (data: Buffer, isBinary: boolean) => ({
    data: isBinary ? data : data.toString(),
  }),
  error: (error: Error) => ({ error, message: error.message }),
  close: (code: number, reason: Buffer) => ({
    code,
    reason: reason.toString(),
    wasClean: code !== 1006,
  }),
} as Record<string, (...details: any[]) => object>;

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3] as const;

export class AsWs extends EventEmitter {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  /** The request that was upgraded, as a server of `ws` gives it along with the connection. */
  readonly request: WsRequest;
  /** As what bytes are given. */
  binaryType: BinaryType = "nodebuffer";
  readonly #socket: Socket;
  /** By what was listened with: one for each event. */
  readonly #wrappers: Record<string, Map<EventListener, Listener>> = {};
  /** Those of `onmessage` and the like. */
  readonly #handlers: Record<string, Listener | null> = {};
  /** It has told of its end. */
  #hasClosed = false;
  #goOn: (() => void) | undefined;
  #isPaused = false;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    this.request = requestOf(socket.request);
    tellPongs(socket, () => this.emit("pong", Buffer.alloc(0)));
    this.#read().catch((error: unknown) => this.#log(error)); // a listener of `error`
  }

  get readyState(): 1 | 2 | 3 {
    if (this.#socket.closed === undefined) return OPEN;
    return this.#hasClosed ? CLOSED : CLOSING;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedBytes;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** What was agreed upon is the engine's. */
  get extensions(): string {
    return "";
  }

  /** `sent` is called when the client has room for more, or with an error when it is closed. */
  send(data: Data, options?: SendOptions | Sent, sent?: Sent): void {
    const told = typeof options === "function" ? options : sent;
    const given = typeof options === "object" ? options : {};
    if (given.fin === false)
      throw new UsageError("a message is sent whole here: send() without fin");
    if (this.readyState !== OPEN) return this.#refuse(told);
    const sending = this.#socket.send(messageOf(data, given.binary));
    if (told !== undefined)
      void sending.then(
        () => told(),
        (error: Error) => told(error),
      );
  }

  close(code?: number, reason: string | Uint8Array = ""): void {
    this.#socket.close(code, Buffer.from(reason as string).toString());
  }

  terminate(): void {
    this.#socket.terminate();
    this.#goOn?.();
  }

  ping(...details: unknown[]): void {
    this.#socket.ping();
    (details.find((it) => typeof it === "function") as Sent | undefined)?.();
  }

  /** The engine answers pings by itself. */
  pong(): void {}

  /** No messages are given any more; `maxQueuedBytes` of them may wait here, and the client holds back the others. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#goOn?.();
  }

  addEventListener(
    type: string,
    listener: EventListener,
    { once = false }: { readonly once?: boolean } = {},
  ): void {
    const toEvent = EVENTS[type];
    const wrappers = (this.#wrappers[type] ??= new Map());
    if (toEvent === undefined || wrappers.has(listener)) return;
    const wrapper = (...details: unknown[]): void => {
      if (once) this.removeEventListener(type, listener);
      const event = { type, target: this, ...toEvent(...details) };
      if (typeof listener === "function") listener.call(this, event);
      else listener.handleEvent(event);
    };
    wrappers.set(listener, wrapper);
    this.on(type, wrapper);
  }

  removeEventListener(type: string, listener: EventListener): void {
    const wrapper = this.#wrappers[type]?.get(listener);
    if (wrapper === undefined) return;
    this.#wrappers[type]!.delete(listener);
    this.off(type, wrapper);
  }

  get onopen(): Listener | null {
    return this.#handlers.open ?? null;
  }
  set onopen(handler: Listener | null) {
    this.#handle("open", handler);
  }
  get onmessage(): Listener | null {
    return this.#handlers.message ?? null;
  }
  set onmessage(handler: Listener | null) {
    this.#handle("message", handler);
  }
  get onerror(): Listener | null {
    return this.#handlers.error ?? null;
  }
  set onerror(handler: Listener | null) {
    this.#handle("error", handler);
  }
  get onclose(): Listener | null {
    return this.#handlers.close ?? null;
  }
  set onclose(handler: Listener | null) {
    this.#handle("close", handler);
  }

  #handle(type: string, handler: Listener | null): void {
    const before = this.#handlers[type];
    if (before) this.removeEventListener(type, before);
    this.#handlers[type] = handler;
    if (handler) this.addEventListener(type, handler);
  }

  #refuse(told: Sent | undefined): void {
    const error = new Error(
      `WebSocket is not open: readyState ${this.readyState}`,
    );
    if (told !== undefined) process.nextTick(told, error);
  }

  async #read(): Promise<void> {
    for (let message; (message = await this.#next()) !== undefined;)
      this.#tell("message", this.#shape(message), typeof message !== "string");
    this.#hasClosed = true;
    const { code, reason } = this.#socket.closed!;
    this.#tell("close", code, Buffer.from(reason));
  }

  async #next(): Promise<Message | undefined> {
    const message = await this.#socket.receive();
    while (this.#isPaused && this.#socket.closed === undefined)
      await new Promise<void>((resolve) => (this.#goOn = resolve));
    return message;
  }

  #shape(message: Message): Buffer | ArrayBuffer | Buffer[] {
    if (typeof message === "string") return Buffer.from(message);
    const bytes = bufferOf(message);
    if (this.binaryType === "fragments") return [bytes];
    return this.binaryType === "arraybuffer"
      ? (message.buffer as ArrayBuffer)
      : bytes;
  }

  /** A listener that throws ends its connection alone. */
  #tell(event: "message" | "close", ...details: unknown[]): void {
    try {
      this.emit(event, ...details);
    } catch (error) {
      this.#socket.close(1011);
      if (this.listenerCount("error") > 0) this.emit("error", error);
      else this.#log(error);
    }
  }

  #log(error: unknown): void {
    const { log } = this.#socket.request;
    log.error({ err: error }, "a listener of a WebSocket failed");
  }
}

function messageOf(data: Data, binary: boolean | undefined): Message {
  if (typeof data === "string" || typeof data === "number")
    return binary === true ? Buffer.from(`${data}`) : `${data}`;
  const bytes = bytesOf(data);
  return binary === false ? bytes.toString() : bytes;
}

function bytesOf(data: Exclude<Data, string | number>): Buffer {
  if (ArrayBuffer.isView(data)) return bufferOf(data);
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (Array.isArray(data)) return Buffer.concat(data);
  throw new UsageError(
    "a message is text, a number, an ArrayBuffer, a view of one, or an array of Buffers",
  );
}

function requestOf(request: GatewayRequest): WsRequest {
  const { method, mountPath, path, queryString, headers } = request;
  const query = queryString === "" ? "" : `?${queryString}`;
  return {
    method,
    url: `${mountPath}${path}${query}`,
    headers: Object.fromEntries(headers),
    socket: { remoteAddress: request.remoteAddress },
  };
}

/**
 * The socket, as libraries know it that were written for the package `ws`: servers of graphql-ws, tRPC, yjs. Events
 * (`on`, `addEventListener`, `onmessage`), `send(data, options, sent)`, `close`, `terminate`, `ping` with its `pong`,
 * `pause`, `readyState`, `bufferedAmount`, `binaryType`. From now on the messages are its own: `socket.receive()` is no
 * more to be called.
 *
 * It lasts as long as what `upgrade()` was given does, so wait for its end. A listener that throws closes the
 * connection with 1011, and is told to the listeners of `error`.
 *
 * Of `ws` there are no pieces of a message (`fin`), no `Blob`, and no `ping` events.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { asWs, Loop, upgrade } from "eddy";
 *
 * const loop = new Loop();
 * loop.websocket(
 *   "/echo",
 *   upgrade(async (socket) => {
 *     const ws = asWs(socket);
 *     ws.on("message", (data, binary) => ws.send(data, { binary }));
 *     await once(ws, "close");
 *   }),
 * );
 * await loop.listen(8000);
 * ```
 */
export const asWs = (socket: Socket): AsWs => new AsWs(socket);
