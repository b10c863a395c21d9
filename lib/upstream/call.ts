/**
 * One attempt at one server: the request with its body there, the reply back.
 *
 *     connecting ──connected──► sending ──head──► replying ──► over
 *         └──────────────────────┴─────────────────┴── fails, or is left ──► over
 *
 * The connection belongs to the call while there is no head, then to the reply's body: whoever takes that has to read
 * it to its end or to `return()` it. Node's own client does the talking; see docs/design.md for why.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import {
  GatewayError,
  UpstreamError,
  UpstreamTimeoutError,
} from "../common/errors.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { GatewayResponse } from "../reply/types.ts";
import { endToEnd } from "./fields.ts";
import type { Body } from "./forward.ts";
import type { UpstreamSettings } from "./options.ts";
import type { Upstream } from "./upstreams.ts";

/** No server has seen anything of the request: it may go to another one. */
export class UnseenError extends Error {}

export interface Caller {
  resolve(response: GatewayResponse): void;
  reject(error: Error): void;
}

type State = "connecting" | "sending" | "replying" | "over";

export class Call {
  readonly #request: GatewayRequest;
  readonly #body: Body;
  readonly #upstream: Upstream;
  readonly #settings: UpstreamSettings;
  readonly #caller: Caller;
  #state: State = "connecting";
  #out!: ClientRequest;
  #connecting: NodeJS.Timeout | undefined;
  /** The client waits for the next piece of the reply. */
  #awaited = false;

  constructor(
    request: GatewayRequest,
    body: Body,
    upstream: Upstream,
    settings: UpstreamSettings,
    caller: Caller,
  ) {
    this.#request = request;
    this.#body = body;
    this.#upstream = upstream;
    this.#settings = settings;
    this.#caller = caller;
  }

  start(begin: () => ClientRequest): void {
    this.#upstream.take();
    try {
      this.#out = begin();
    } catch (error) {
      this.#upstream.release();
      return this.#caller.reject(error as Error);
    }
    const { connectTimeoutMs } = this.#settings;
    this.#connecting = setTimeout(() => {
      this.#fail(new Error(`no connection within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    this.#out
      .on("socket", (socket) => {
        if (!socket.connecting) this.#send();
        else socket.once("connect", () => this.#send());
      })
      .on("response", (reply) => this.#reply(reply))
      .on("error", (error) => this.#fail(error))
      .on("close", () => this.#closed());
  }

  /** Nobody waits for the head any more. */
  leave(): void {
    if (this.#state !== "connecting" && this.#state !== "sending") return;
    this.#state = "over";
    this.#out.destroy();
  }

  #send(): void {
    if (this.#state !== "connecting") return;
    this.#state = "sending";
    clearTimeout(this.#connecting);
    this.#limitSilence();
    if (this.#body === undefined) return void this.#out.end();
    this.#out.flushHeaders();
    pipeline(this.#body, this.#out, (error) => this.#sent(error));
  }

  /** What goes wrong behind the head shows in the reply's body. */
  #sent(error: Error | null | undefined): void {
    if (error && this.#state === "sending") this.#fail(error);
  }

  /** The socket's own clock: any byte in either direction sets it back. */
  #limitSilence(): void {
    const { timeoutMs } = this.#settings;
    const socket = this.#out.socket!;
    const look = (): void => {
      if (this.#waitsForClient) socket.setTimeout(timeoutMs);
      else this.#out.destroy(new UpstreamTimeoutError(this.#name, timeoutMs));
    };
    socket.setTimeout(timeoutMs).on("timeout", look);
    this.#out.once("close", () => socket.off("timeout", look));
  }

  get #waitsForClient(): boolean {
    const { writableEnded, writableNeedDrain } = this.#out;
    return this.#state === "replying"
      ? !this.#awaited
      : !writableEnded && !writableNeedDrain;
  }

  #reply(reply: IncomingMessage): void {
    if (this.#state !== "sending") return void reply.destroy();
    const { statusCode = 0, statusMessage = "", rawHeaders } = reply;
    if (statusCode > MOST_STATUS)
      return this.#fail(new Error(`${statusCode} is no status`));
    this.#state = "replying";
    this.#upstream.answered(this.#request.log);
    this.#caller.resolve({
      status: statusCode,
      statusText: ASCII.test(statusMessage) ? statusMessage : undefined,
      headers: pairsOf(endToEnd(rawHeaders)),
      body: this.#hasBody(reply) ? this.#bodyOf(reply) : drop(reply),
    });
  }

  /** RFC 9110, section 6.4.1. */
  #hasBody({ statusCode }: IncomingMessage): boolean {
    const { method } = this.#request;
    return method !== "HEAD" && statusCode !== 204 && statusCode !== 304;
  }

  /** The stream's own iterator answers `return()` only after the chunk that it waits for; a client that has left must not wait for that. */
  #bodyOf(reply: IncomingMessage): AsyncIterableIterator<Uint8Array> {
    const chunks = reply[Symbol.asyncIterator]();
    const body: AsyncIterableIterator<Uint8Array> = {
      next: async () => {
        this.#awaited = true;
        try {
          return (await chunks.next()) as IteratorResult<Uint8Array>;
        } catch (cause) {
          throw this.#known(cause as Error, "broke off within its reply");
        } finally {
          this.#awaited = false;
        }
      },
      return: () => {
        this.#state = "over";
        reply.destroy();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => body,
    };
    return body;
  }

  #fail(error: Error): void {
    const before = this.#state;
    if (before === "over" || before === "replying") return;
    this.#state = "over";
    const stale = this.#foundClosed(error);
    this.#out.destroy();
    if (!stale && !isClients(error)) this.#upstream.failed(this.#request.log);
    this.#caller.reject(
      before === "connecting" || stale
        ? new UnseenError(`${this.#name} cannot be reached`, { cause: error })
        : this.#known(error, "gave no reply"),
    );
  }

  /** A kept connection that the server has closed meanwhile. It may have read the request, so only one that can be repeated counts (RFC 9110, section 9.2.2). */
  #foundClosed(error: NodeJS.ErrnoException): boolean {
    return (
      this.#out.reusedSocket &&
      (error.code === "ECONNRESET" || error.code === "EPIPE") &&
      this.#body === undefined &&
      IDEMPOTENT.has(this.#request.method)
    );
  }

  /** Errors of ours are as they are: too large a body, a silent server. */
  #known(error: Error, what: string): Error {
    if (error instanceof UpstreamTimeoutError)
      this.#request.log.warn(error.message);
    return error instanceof GatewayError
      ? error
      : new UpstreamError(`${this.#name} ${what}`, { cause: error });
  }

  #closed(): void {
    clearTimeout(this.#connecting);
    this.#fail(new Error("it closed the connection"));
    this.#upstream.release();
  }

  get #name(): string {
    return `upstream ${this.#upstream.target.name}`;
  }
}

/** The client's doing, or the limits that it has reached. */
function isClients(error: Error): boolean {
  return error instanceof GatewayError && error.fault === "client";
}

/** RFC 9110, section 15: there are five classes of them. */
const MOST_STATUS = 599;

/** A reason phrase in other letters is not handed on: it means nothing to a client, and nobody knows how it is encoded. */
const ASCII = /^[\t\x20-\x7e]*$/;

/** RFC 9110, section 9.2.2. */
const IDEMPOTENT = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
]);

function drop(reply: IncomingMessage): undefined {
  reply.resume();
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [
    raw[2 * i]!,
    raw[2 * i + 1]!,
  ]);
}
