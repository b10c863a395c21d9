/** Hands a request on to one of several servers, and to another one while none has seen anything of it. */
import type {
  ClientRequest,
  IncomingMessage,
  InformationEvent,
} from "node:http";
import type { Socket } from "node:net";
import { pipeline } from "node:stream";
import {
  BadRequestError,
  GatewayError,
  UpstreamError,
  UpstreamTimeoutError,
} from "../common/errors.ts";
import { endToEnd, mayTrail, PLAIN_VALUE, pairsOf } from "../common/fields.ts";
import { action, until, type Operation } from "../operations.ts";
import type { GatewayRequest } from "../request/request.ts";
import { seen, traceOf, type Attributes, type Call } from "../traces/trace.ts";
import type { Chunk, Reply } from "../reply/types.ts";
import type { UpstreamAddress } from "./options.ts";
import { saysClosed } from "./socket.ts";
import { keyOf, type Upstream, type Upstreams } from "./upstreams.ts";

/** A request that is ready to be sent, as often as it takes: nothing of the client's is missing but the body. */
export interface OutgoingRequest {
  /** Undefined: it has none. */
  readonly body: AsyncIterable<Uint8Array> | Iterable<Chunk> | undefined;
  /**
   * Gives the fields that follow the body, at its end: name, value, …; undefined where it does not go out in chunks.
   */
  readonly trailers?: (() => readonly string[]) | undefined;
  /**
   * Begins to connect for one attempt, and sends nothing yet.
   *
   * @param anew - not on a kept connection.
   */
  begin(address: UpstreamAddress, anew: boolean): ClientRequest;
  /**
   * The server has answered an upgrade with 101, and the connection of the request is the adapter's from now on: what
   * the client gets. Without it no upgrade is asked for.
   *
   * @throws {Error} for a 101 that is not valid.
   */
  switched?(out: ClientRequest, reply: IncomingMessage): Reply;
}

/**
 * The reply of the server that the request was handed on to.
 *
 * @param prepare - makes the request that goes out; called once, however many servers are tried.
 * @throws {BadRequestError} for a method that is not in upper case.
 * @throws {UpstreamError} when no server can be reached, or the chosen one breaks off or does not speak valid HTTP.
 * @throws {UpstreamTimeoutError} when it is silent.
 */
export function forward(
  request: GatewayRequest,
  prepare: Prepare,
  upstreams: Upstreams,
): Operation<Reply> {
  checkMethod(request);
  const trace = traceOf(request);
  if (trace === undefined) return handOn(request, prepare, upstreams);
  const { method } = request;
  const call = trace.call(method, "client", { "http.request.method": method });
  const asking = handOn(request, prepare, upstreams, call);
  return seen(call, asking, (reply) => ({
    "http.response.status_code": (reply as { status: number }).status,
  }));
}

/**
 * Node's client makes methods upper case, which are then others (RFC 9110, section 9.1), with another body and reply.
 *
 * @throws {BadRequestError}
 */
function checkMethod({ method }: GatewayRequest): void {
  if (/[a-z]/.test(method))
    throw new BadRequestError(
      `methods are case-sensitive, and ${method} would become ${method.toUpperCase()}`,
    );
}

/** `call`: as which it is traced. */
type Prepare = (
  call: Call | undefined,
) => OutgoingRequest | Promise<OutgoingRequest>;

function* handOn(
  request: GatewayRequest,
  prepare: Prepare,
  upstreams: Upstreams,
  call?: Call,
): Operation<Reply> {
  const preparing = prepare(call);
  const outgoing =
    preparing instanceof Promise ? yield* until(preparing) : preparing;
  const tried = new Set<Upstream>();
  const key = keyOf(request, upstreams.balance);
  for (let retries = 0; ; retries++) {
    const upstream = upstreams.choose(tried, key);
    tried.add(upstream);
    call?.note(addressOf(upstream.address, retries));
    try {
      return yield* action<Reply>((resolve, reject) => {
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

/** By OpenTelemetry's conventions for HTTP clients. */
function addressOf(
  { connect, name }: UpstreamAddress,
  retries: number,
): Attributes {
  return {
    "server.address": "path" in connect ? connect.path : connect.host,
    ...("port" in connect && { "server.port": Number(connect.port) }),
    ...(retries > 0 && { "http.request.resend_count": retries }),
    "eddy.upstream": name,
  };
}

/** The client left, or reached a limit; the body was read already, or could not be kept: not the server's fault. */
const isOurs = (error: Error): boolean =>
  error instanceof GatewayError &&
  !(error instanceof UpstreamError || error instanceof UpstreamTimeoutError);

/** No server has seen anything of the request: it may go to another one. */
class UnseenError extends Error {}

type State = "connecting" | "sending" | "replying" | "switched" | "over";

/**
 * One attempt at one server: the request with its body there, the reply back.
 *
 *     connecting ──connected──► sending ──head──► replying ──► over
 *         │                      └──101──► switched, for good
 *         └──────────────────────┴─────────────────┴── fails, or is abandoned ──► over
 *
 * The connection belongs to the attempt while there is no head, then to the reply's body, which has to be read to its
 * end or ended by `return()`. Node's own HTTP client speaks to the server; docs/design.md says why.
 */
class Attempt {
  readonly #request: GatewayRequest;
  readonly #outgoing: OutgoingRequest;
  readonly #upstream: Upstream;
  readonly #resolve: (reply: Reply) => void;
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
    resolve: (reply: Reply) => void,
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
        else socket.once(readiness(socket), () => this.#send());
      })
      .on("information", (hint) => this.#hint(hint))
      .on("response", (reply) => this.#reply(reply))
      .on("error", (error) => this.#fail(error))
      .on("close", () => this.#closed());
    if (this.#outgoing.switched !== undefined)
      this.#out.on("upgrade", (reply, socket) => this.#switch(reply, socket));
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
    const { body, trailers } = this.#outgoing;
    if (body === undefined) return void this.#out.end();
    this.#out.flushHeaders();
    const all = trailers ? trailed(body, trailers, this.#out) : body;
    pipeline(all, this.#out, (error) => {
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

  /** The links of an early hint, which is what they have. */
  #hint({ statusCode, rawHeaders }: InformationEvent): void {
    const links = pairsOf(rawHeaders).filter(([name]) => /^link$/i.test(name));
    if (statusCode === 103 && links.length > 0) this.#request.hint(links);
  }

  #reply(reply: IncomingMessage): void {
    if (this.#state !== "sending") return void reply.destroy();
    const { statusCode = 0, statusMessage = "", rawHeaders } = reply;
    const isChunked = reply.headers["transfer-encoding"] !== undefined;
    if (statusCode < MIN_STATUS || statusCode > MAX_STATUS)
      return this.#fail(
        new Error(
          `${String(statusCode).padStart(3, "0")} is not the status of a reply`,
        ),
      );
    this.#state = "replying";
    this.#upstream.answered(this.#request.log);
    this.#resolve({
      status: statusCode,
      // with other characters it is dropped: nobody knows how they are encoded
      statusText: PLAIN_VALUE.test(statusMessage) ? statusMessage : undefined,
      headers: pairsOf(endToEnd(rawHeaders)),
      body: this.#hasBody(reply) ? this.#bodyOf(reply) : void reply.resume(),
      trailers: isChunked
        ? () => trailing(pairsOf(reply.rawTrailers))
        : undefined,
    });
  }

  /** The connection counts as a request for as long as it is open. Node takes the request for closed. */
  #switch(reply: IncomingMessage, socket: Socket): void {
    if (this.#state !== "sending") return void socket.destroy();
    let answer: Reply;
    try {
      answer = this.#outgoing.switched!(this.#out, reply);
    } catch (error) {
      socket.destroy();
      return this.#fail(error as Error);
    }
    this.#state = "switched";
    this.#upstream.answered(this.#request.log);
    socket.once("close", () => this.#upstream.release());
    this.#resolve(answer);
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
    if (before !== "connecting" && before !== "sending") return;
    this.#state = "over";
    const stale = this.#foundClosed(error);
    this.#out.destroy();
    if (!stale && !isOurs(error))
      this.#upstream.failed(this.#request.log, error);
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
    if (this.#state === "switched") return;
    this.#fail(new Error("it closed the connection"));
    this.#upstream.release();
  }

  get #name(): string {
    return `upstream ${this.#upstream.address.name}`;
  }
}

/** A server has seen nothing before that. */
const readiness = (socket: Socket): string =>
  "encrypted" in socket ? "secureConnect" : "connect";

/** RFC 9110, section 15: there are five classes of them, and the first is of no final reply. */
const [MIN_STATUS, MAX_STATUS] = [200, 599];

/** RFC 9110, section 9.2.2. */
const IDEMPOTENT = /^(?:GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$/;

/** A body, and behind it what came behind it. */
async function* trailed(
  body: AsyncIterable<Uint8Array> | Iterable<Chunk>,
  trailers: () => readonly string[],
  out: ClientRequest,
): AsyncGenerator<Chunk> {
  yield* body;
  out.addTrailers(trailing(pairsOf(trailers())));
}

/** What can stand behind a body: whoever is next may refuse the rest. */
const trailing = (fields: [string, string][]): [string, string][] =>
  fields.filter(([name]) => mayTrail(name));
