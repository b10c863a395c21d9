/** Hands a request on to one of several servers, and to another one while none has seen anything of it. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import {
  GatewayError,
  UpstreamError,
  UpstreamTimeoutError,
} from "../common/errors.ts";
import { endToEnd, PLAIN_VALUE } from "../common/fields.ts";
import { action, until, type Operation } from "../operations.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Chunk, GatewayResponse } from "../reply/types.ts";
import type { UpstreamAddress } from "./options.ts";
import { saysClosed } from "./socket.ts";
import type { Upstream, Upstreams } from "./upstreams.ts";

/** A request that is ready to be sent, as often as it takes: nothing of the client's is missing but the body. */
export interface OutgoingRequest {
  /** Undefined: it has none. */
  readonly body: AsyncIterable<Uint8Array> | Iterable<Chunk> | undefined;
  /**
   * Begins to connect for one attempt, and sends nothing yet.
   *
   * @param anew - not on a kept connection.
   */
  begin(address: UpstreamAddress, anew: boolean): ClientRequest;
}

/**
 * The reply of the server that the request was handed on to.
 *
 * @param prepare - makes the request that goes out; called once, however many servers are tried.
 * @throws {UpstreamError} when no server can be reached, or the chosen one breaks off or does not speak valid HTTP.
 * @throws {UpstreamTimeoutError} when it is silent.
 */
export function* forward(
  request: GatewayRequest,
  prepare: () => OutgoingRequest | Promise<OutgoingRequest>,
  upstreams: Upstreams,
): Operation<GatewayResponse> {
  const preparing = prepare();
  const outgoing =
    preparing instanceof Promise ? yield* until(preparing) : preparing;
  const tried = new Set<Upstream>();
  for (let retries = 0; ; retries++) {
    const upstream = upstreams.choose(tried);
    tried.add(upstream);
    try {
      return yield* action<GatewayResponse>((resolve, reject) => {
        const attempt = new Attempt(
          request,
          outgoing,
          upstream,
          resolve,
          reject,
        );
        attempt.start(retries > 0);
        return () => attempt.abandon();
      }, `upstream ${upstream.address.name}`);
    } catch (error) {
      if (!(error instanceof UnseenError)) throw error;
      if (retries >= upstream.settings.retries)
        throw new UpstreamError(error.message, { cause: error.cause });
      request.log.info({ err: error }, "trying again");
    }
  }
}

/** No server has seen anything of the request: it may go to another one. */
class UnseenError extends Error {}

type State = "connecting" | "sending" | "replying" | "over";

/**
 * One attempt at one server: the request with its body there, the reply back.
 *
 *     connecting ──connected──► sending ──head──► replying ──► over
 *         └──────────────────────┴─────────────────┴── fails, or is abandoned ──► over
 *
 * The connection belongs to the attempt while there is no head, then to the reply's body, which has to be read to its
 * end or ended by `return()`. Node's own HTTP client speaks to the server; docs/design.md says why.
 */
class Attempt {
  readonly #request: GatewayRequest;
  readonly #outgoing: OutgoingRequest;
  readonly #upstream: Upstream;
  readonly #resolve: (response: GatewayResponse) => void;
  readonly #reject: (error: Error) => void;
  #state: State = "connecting";
  #out!: ClientRequest;
  #connecting: NodeJS.Timeout | undefined;
  /** The client waits for the next piece of the reply. */
  #awaited = false;

  /** `resolve` or `reject` is called once; neither after `abandon()`. */
  constructor(
    request: GatewayRequest,
    outgoing: OutgoingRequest,
    upstream: Upstream,
    resolve: (response: GatewayResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#outgoing = outgoing;
    this.#upstream = upstream;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** `anew`: not on a kept connection. */
  start(anew: boolean): void {
    this.#upstream.acquire();
    try {
      this.#out = this.#outgoing.begin(this.#upstream.address, anew);
    } catch (error) {
      this.#upstream.release();
      return this.#reject(error as Error);
    }
    const { connectTimeoutMs } = this.#upstream.settings;
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

  /** The request is halted. What has a head already ends with the reply's body. */
  abandon(): void {
    if (this.#state !== "connecting" && this.#state !== "sending") return;
    this.#state = "over";
    this.#out.destroy();
  }

  #send(): void {
    if (this.#state !== "connecting") return;
    this.#state = "sending";
    clearTimeout(this.#connecting);
    this.#limitSilence();
    const { body } = this.#outgoing;
    if (body === undefined) return void this.#out.end();
    this.#out.flushHeaders();
    pipeline(body, this.#out, (error) => {
      if (error) this.#fail(error); // once the reply has begun, its body tells of it
    });
  }

  /** By the socket's own timer, which any byte in either direction starts again. */
  #limitSilence(): void {
    const { timeoutMs } = this.#upstream.settings;
    const socket = this.#out.socket!;
    const onTimeout = (): void => {
      if (this.#waitsForClient) socket.setTimeout(timeoutMs);
      else this.#out.destroy(new UpstreamTimeoutError(this.#name, timeoutMs));
    };
    socket.setTimeout(timeoutMs).on("timeout", onTimeout);
    this.#out.once("close", () => socket.off("timeout", onTimeout));
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
    if (statusCode > MAX_STATUS)
      return this.#fail(new Error(`${statusCode} is not a valid status`));
    this.#state = "replying";
    this.#upstream.answered(this.#request.log);
    this.#resolve({
      status: statusCode,
      // with other characters it is dropped: nobody knows how they are encoded
      statusText: PLAIN_VALUE.test(statusMessage) ? statusMessage : undefined,
      headers: pairsOf(endToEnd(rawHeaders)),
      body: this.#hasBody(reply) ? this.#bodyOf(reply) : void reply.resume(),
    });
  }

  /** RFC 9110, section 6.4.1. */
  #hasBody({ statusCode }: IncomingMessage): boolean {
    const { method } = this.#request;
    return method !== "HEAD" && statusCode !== 204 && statusCode !== 304;
  }

  /** The stream's own iterator ends only after the next chunk; that of a client that has left need not wait for it. */
  #bodyOf(reply: IncomingMessage): AsyncIterableIterator<Uint8Array> {
    const chunks = reply[Symbol.asyncIterator]();
    const body: AsyncIterableIterator<Uint8Array> = {
      next: async () => {
        this.#awaited = true;
        try {
          return (await chunks.next()) as IteratorResult<Uint8Array>;
        } catch (cause) {
          throw this.#explain(cause as Error, "broke off within its reply");
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
    const isClients = error instanceof GatewayError && error.fault === "client"; // it left, or reached a limit
    if (!stale && !isClients) this.#upstream.failed(this.#request.log, error);
    this.#reject(
      before === "connecting" || stale
        ? new UnseenError(`${this.#name} cannot be reached`, { cause: error })
        : this.#explain(error, "gave no reply"),
    );
  }

  /**
   * A kept connection turned out to be closed. The server may have read the request before that, so this holds only for
   * one that may be repeated (RFC 9110, section 9.2.2).
   */
  #foundClosed(error: Error): boolean {
    return (
      this.#out.reusedSocket &&
      saysClosed(error) &&
      this.#outgoing.body === undefined &&
      IDEMPOTENT.test(this.#request.method)
    );
  }

  /** An error of the gateway, such as too large a body, stays what it is. */
  #explain(error: Error, what: string): Error {
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
    return `upstream ${this.#upstream.address.name}`;
  }
}

/** RFC 9110, section 15: there are five classes of them. */
const MAX_STATUS = 599;

/** RFC 9110, section 9.2.2. */
const IDEMPOTENT = /^(?:GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$/;

function pairsOf(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [
    raw[2 * i]!,
    raw[2 * i + 1]!,
  ]);
}
