/**
 * What stands for the connection of a request. The real one belongs to the gateway, and carries others' requests, too.
 */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { UsageError, type GatewayRequest } from "../../lib/adapter.ts";

/** Bytes from which on whoever writes is to wait. */
export const HIGH_WATER = 64 * 1024;

/** Who answers for the connection. */
export interface Connection {
  readonly request: GatewayRequest;
  /** Bytes of the reply that wait for the client. */
  readonly waiting: number;
  /** The application ends the connection. */
  cut(error?: Error | null): void;
}

export class StandIn extends EventEmitter {
  readable = true;
  writable = true;
  destroyed = false;
  /** Node looks for these three. */
  _httpMessage: ServerResponse | null = null;
  _hadError = false;
  readonly _writableState = WRITABLE_STATE;
  readonly #connection: Connection;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
  }

  /** The client, as eddy has it: what `trustProxy` says is counted in already. */
  get remoteAddress(): string | undefined {
    return this.#connection.request.remoteAddress || undefined;
  }
  set remoteAddress(value: string | undefined) {
    own(this, "remoteAddress", value);
  }

  get remoteFamily(): "IPv4" | "IPv6" | undefined {
    const address = this.remoteAddress;
    if (address === undefined) return undefined;
    return address.includes(":") ? "IPv6" : "IPv4";
  }

  get encrypted(): boolean {
    return this.#connection.request.scheme === "https";
  }
  set encrypted(value: boolean) {
    own(this, "encrypted", value);
  }

  /** Of the client, whose certificate the listener has checked: see `tls: { verifyClient }`. */
  get authorized(): boolean {
    return this.#connection.request.peerCertificate !== undefined;
  }

  /** As `TLSSocket` has it: an empty object without one. */
  getPeerCertificate(): object {
    return this.#connection.request.peerCertificate?.toLegacyObject() ?? {};
  }

  get writableLength(): number {
    return this.#connection.waiting;
  }

  get readableHighWaterMark(): number {
    return HIGH_WATER;
  }

  get writableHighWaterMark(): number {
    return HIGH_WATER;
  }

  /** Somebody wants to be told of something. */
  get isHeard(): boolean {
    return (this as unknown as { _eventsCount: number })._eventsCount > 0;
  }

  get bytesWritten(): number {
    return 0;
  }

  get bytesRead(): number {
    return 0;
  }

  /** What is written is gathered by the call; Node would set a tick for each `write` to do the same. */
  get writableCorked(): number {
    return 1;
  }
  cork(): void {}
  uncork(): void {}

  address(): object {
    return {};
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  pause(): this {
    return this;
  }
  resume(): this {
    return this;
  }

  /** @throws {UsageError} always. */
  write(): never {
    throw new UsageError(
      "there is no connection of one's own below node(): write to the response; " +
        'a WebSocket takes an http.Server that listens to "upgrade"; other upgrades and CONNECT cannot be had here',
    );
  }

  /** After so many milliseconds of silence, `timeout`; where nobody listens for it, the end of the connection. */
  setTimeout(ms: number, told?: () => void): this {
    if (told) this.once("timeout", told);
    clearTimeout(this.#timer);
    this.#timer = ms > 0 ? setTimeout(() => this.#silent(), ms) : undefined;
    return this;
  }

  /** Something has come, or gone. */
  stir(): void {
    this.#timer?.refresh();
  }

  #silent(): void {
    const res: EventEmitter = this._httpMessage!;
    const req: EventEmitter = this._httpMessage!.req;
    const heard = [req, res, this].map((one) => one.emit("timeout", this));
    if (!heard.includes(true)) this.destroy();
  }

  end(): this {
    return this.destroy();
  }

  destroySoon(): void {
    this.destroy();
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.over();
    this.#connection.cut(error);
    process.nextTick(() => {
      if (error && this.listenerCount("error") > 0) this.emit("error", error);
      this.emit("close", error !== undefined);
    });
    return this;
  }

  /** There is nothing more to come or to go. */
  over(): void {
    this.destroyed = true;
    this.readable = this.writable = false;
    this.rest();
  }

  /** The request has ended, and nobody is kept to a time any more. */
  rest(): void {
    clearTimeout(this.#timer);
  }
}

/** Node sets it before it uncorks; nobody reads it. */
const WRITABLE_STATE = { corked: 0 };

/** As a property of its own, where applications and their tests put one. */
function own(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
