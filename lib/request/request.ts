/** What an application gets of a request. */
import type { X509Certificate } from "node:crypto";
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import type { Future, Scope } from "effection";
import { parse as parseCookies } from "cookie";
import type { Read, RequestBody } from "./body.ts";
import { checkCharset, decode as decodeText } from "./charset.ts";
import { inflated } from "./content-encoding.ts";
import { callerTimeoutMs } from "./deadline.ts";
import { BadRequestError } from "../common/errors.ts";
import { SENDS_EXTRAS } from "./extras.ts";
import { parseForm } from "./form.ts";
import type { Frame, Framing } from "./framing.ts";
import { future } from "../operations/future.ts";
import { RequestHeaders } from "./headers.ts";
import type { PlainHeaders } from "../common/fields.ts";
import type { Logger } from "../common/log.ts";
import type { Head } from "../engine/engine.ts";
import type { Scheme } from "../engine/entrance.ts";
import { TRACE, type Trace } from "../traces/trace.ts";
import type { ClientInfo, Proxies } from "./proxies.ts";

/** Known to all copies of eddy in a process: middleware of one may get a request of another's. */
export const ADD_TO_ERRORS = Symbol.for("eddy:addToErrors");
export const LIMIT_TIME = Symbol.for("eddy:limitTime");

/** What a request asks of the exchange that it belongs to. */
export interface RequestContext {
  readonly id: string;
  /** When the exchange started, as `performance.now()` has it. */
  readonly startedAt: number;
  readonly requestTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly draining: AbortSignal;
  readonly scope: Scope;
  readonly log: Logger;
  readonly body: RequestBody;
  /** Bytes that may come of a compressed body; 0 where none is taken. */
  readonly maxInflatedBytes: number;
  /** name, value, …; names in lower case. */
  readonly trailers: readonly string[];
  readonly sendsExtras: boolean;
  hint(fields: PlainHeaders): boolean;
  addToErrors(fields: PlainHeaders): void;
  limitTime(ms: number): void;
}

/** The exchange, as its request sees it. */
interface RequestOwner {
  /** Made by the first who asks. */
  readonly context: RequestContext;
  /** The listener's. */
  readonly scheme: Scheme;
  /** Undefined when no peer is trusted to speak for others. */
  readonly proxies: Proxies | undefined;
  /** Undefined where there is no trace. */
  readonly trace?: Trace | undefined;
}

/** Where the router found the application. */
export interface Place {
  /** Prefix of the mount, without a trailing slash; empty for the root and for routes. */
  readonly mountPath: string;
  readonly parameters: readonly Parameter[];
}

/** A `:parameter` of a pattern: which segment of the path it is, from 0 on. */
export interface Parameter {
  readonly name: string;
  readonly index: number;
}

/**
 * One request. Everything can be read at any time, also after an `await`, until the exchange ends.
 *
 * @example
 * ```ts
 * import { json, Loop } from "eddy";
 *
 * await new Loop()
 *   .post("/orders/:id", async (request) => {
 *     const order = await request.json();
 *     return json({ id: request.params.id, order, dryRun: request.query.has("dry-run") }, { status: 201 });
 *   })
 *   .listen(8000);
 * ```
 */
export class GatewayRequest<Params = Readonly<Record<string, string>>> {
  /** As sent: `GET`, `POST`, … Methods are case-sensitive (RFC 9110, section 9.1). */
  readonly method: string;
  /** Where the application is mounted, without a trailing slash; empty at the root. `SCRIPT_NAME` of the WSGI world. */
  readonly mountPath: string;
  /**
   * The path below the mount, percent-escapes kept: decoding is final, `%2f` would become a separator. Empty when the
   * mount itself was asked for. Bytes beyond ASCII, which no URL has, are text where they are UTF-8, and else the
   * percent-escapes that they should have been (`%E9`). The engine `uws` loses those, and Node's parser takes none at
   * all by HTTP/1.1: both answer 400. So it is in `queryString`.
   */
  readonly path: string;

  readonly #exchange: RequestOwner;
  readonly #place: Place;
  readonly #head: Head;
  #frame: Frame | undefined;
  #headers: RequestHeaders | undefined;
  #query: URLSearchParams | undefined;
  #params: Params | undefined;
  #cookies: Readonly<Record<string, string | undefined>> | undefined;
  #client: ClientInfo | undefined;

  constructor(exchange: RequestOwner, place: Place, head: Head) {
    this.method = head.method;
    this.mountPath = place.mountPath;
    this.path =
      place.mountPath === ""
        ? head.path
        : head.path.slice(place.mountPath.length);
    this.#exchange = exchange;
    this.#place = place;
    this.#head = head;
  }

  /** What its header fields say of the message itself. For admission. @throws {MalformedRequestError} */
  static frame(request: GatewayRequest, framing: Framing): Frame {
    return (request.#frame = framing.frameOf(request.#head.fields));
  }

  /** Bytes of body that are announced; undefined where its length shows at its end. For its body. */
  static bodyLength(request: GatewayRequest): number | undefined {
    const length = request.#frame?.bodyLength;
    return typeof length === "number" ? length : undefined;
  }

  /** The client asks to close the connection after the reply. For the exchange. */
  static closes(request: GatewayRequest): boolean {
    return request.#frame?.close === true;
  }

  /** Asks for the peer's addresses, which the engine forgets with the exchange. For the exchange. */
  static keepAddresses(request: GatewayRequest): void {
    const { peer } = request.#head;
    void peer.address;
    if (request.#exchange.proxies?.header === "proxy-v2")
      void peer.proxiedAddress;
  }

  /** Undefined where there is none. For access lines, and for adapters that ask somebody else. */
  get [TRACE](): Trace | undefined {
    return this.#exchange.trace;
  }

  /** For adapters, by `sendsExtras`. */
  get [SENDS_EXTRAS](): boolean {
    return this.#exchange.context.sendsExtras;
  }

  /** Fields that an error reply has, too. @throws {InvalidReplyError} For middleware. */
  [ADD_TO_ERRORS](fields: PlainHeaders): void {
    this.#exchange.context.addToErrors(fields);
  }

  /** The exchange may take so long, if not less. For middleware. */
  [LIMIT_TIME](ms: number): void {
    this.#exchange.context.limitTime(ms);
  }

  /**
   * Identifies the request in every log line that belongs to it: the client's `x-request-id`, or one of the gateway's
   * own (option `requestId`).
   */
  get id(): string {
    return this.#exchange.context.id;
  }

  /** As the client spoke: `HTTP/1.1`, and on the engine `node` also `HTTP/1.0` and `HTTP/2.0`. */
  get protocol(): string {
    return this.#head.protocol;
  }

  get headers(): RequestHeaders {
    return (this.#headers ??= new RequestHeaders(this.#head.fields));
  }

  /** What follows the `?`, as sent; empty without one. */
  get queryString(): string {
    return this.#head.query;
  }

  /** The query, decoded (WHATWG URL, "application/x-www-form-urlencoded parsing": never throws). */
  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams(this.queryString));
  }

  /**
   * The values of the route's `:parameters`, percent-decoded. Their names have types where the pattern is written with
   * the handler: `loop.get("/users/:id", ({ params }) => params.id)`.
   *
   * @throws {BadRequestError} when an escape is not valid UTF-8; unhandled, it answers 400.
   */
  get params(): Params {
    if (this.#params) return this.#params;
    const params: Record<string, string> = {};
    const { parameters } = this.#place;
    if (parameters.length > 0) {
      const segments = this.path.split("/");
      for (const { name, index } of parameters)
        params[name] = decode(segments[index + 1]!);
    }
    return (this.#params = params as Params);
  }

  /** The cookies that the client sent (RFC 6265, section 5.4), decoded where they decode. */
  get cookies(): Readonly<Record<string, string | undefined>> {
    return (this.#cookies ??= parseCookies(this.headers.get("cookie") ?? ""));
  }

  /**
   * Address of the client. Without the option `trustProxy` that is the peer, who may be a proxy; empty on a Unix
   * socket. Asked for the first time after the end of the exchange, it is empty, too: the engine has forgotten it.
   */
  get remoteAddress(): string {
    return this.#clientInfo?.address ?? this.#head.peer.address ?? "";
  }

  /**
   * The certificate that the other end of the connection has shown (`listen({ tls: { verifyClient } })`), checked by
   * the authorities of the listener; undefined where there is none. Behind a proxy it is the proxy's. To be asked for
   * before the end of the exchange.
   */
  get peerCertificate(): X509Certificate | undefined {
    return this.#head.peer.certificate;
  }

  /** As the client asked: the listener's, `https` with TLS, or what a trusted proxy says. */
  get scheme(): Scheme {
    return this.#clientInfo?.scheme ?? this.#exchange.scheme;
  }

  /**
   * The authority that the client asked for, a name or an address with or without a port: `example.org`, `[::1]:8000`.
   * From the Host field, or what a trusted proxy says. It is what the client says, so it proves nothing.
   */
  get host(): string {
    return this.#clientInfo?.host ?? this.headers.get("host") ?? "";
  }

  /**
   * When the exchange has to be over, in milliseconds since the epoch; it is halted then. By the option
   * `requestTimeoutMs`, or by the field `grpc-timeout` of a trusted proxy (`trustProxy`), whichever is sooner;
   * undefined without either.
   */
  get deadline(): number | undefined {
    const { requestTimeoutMs, startedAt } = this.#exchange.context;
    const limitMs = Math.min(
      requestTimeoutMs,
      this.#isFromTrustedProxy ? callerTimeoutMs(this.headers) : Infinity,
    );
    return limitMs === Infinity
      ? undefined
      : performance.timeOrigin + startedAt + limitMs;
  }

  /**
   * Fires when the exchange ends early: the client aborted, its time was up, the loop drained. `reason` says which.
   * Never fires after a complete reply.
   */
  get signal(): AbortSignal {
    return this.#exchange.context.signal;
  }

  /**
   * Fires when the loop begins to drain, at once if it has begun: time to come to an end, for a reply that would go on
   * for long. A loop waits `drainTimeoutMs` for it, and halts it then. Streams that wait for it are told a thousand a
   * second at most, because their clients come back. Does not fire once the exchange has ended.
   *
   * @example
   * ```ts
   * import { Loop, stream } from "eddy";
   * import { setTimeout } from "node:timers/promises";
   *
   * await new Loop()
   *   .get("/clock", (request) =>
   *     stream(async (out) => {
   *       while (!request.draining.aborted) {
   *         await out.write(`${new Date().toISOString()}\n`);
   *         await setTimeout(1000);
   *       }
   *     }),
   *   )
   *   .listen(8000);
   * ```
   */
  get draining(): AbortSignal {
    return this.#exchange.context.draining;
  }

  /**
   * The id of the last event that a client has got which comes back to a stream of events (field `Last-Event-ID`).
   * Undefined for one that is here for the first time, or has got none with an id. It is what the client says.
   */
  get lastEventId(): string | undefined {
    return this.headers.get("last-event-id");
  }

  /**
   * Tasks started here belong to the exchange: they are halted when it ends, in whatever way.
   *
   * @throws {UsageError} once it has ended, and they have.
   */
  get scope(): Scope {
    return this.#exchange.context.scope;
  }

  /** The loop's log, with the request's id in each line. */
  get log(): Logger {
    return this.#exchange.context.log;
  }

  /**
   * The body in chunks, as it comes; the client waits while they are not read. `for await` it, or effection's
   * `each(stream(request.body))`.
   */
  get body(): AsyncIterable<Uint8Array> {
    return this.#exchange.context.body;
  }

  /** True when the client announced a body. */
  get hasBody(): boolean {
    return this.#frame !== undefined && this.#frame.bodyLength !== 0;
  }

  /**
   * Fields that came behind the body (RFC 9110, section 6.5): none before the body is over, which it is when it has
   * been read, or after `received()`. They are apart from `headers`, because a client says anything there. The engine
   * `uws` and uwsgi have none.
   *
   * @example
   * ```ts
   * import { createHash } from "node:crypto";
   * import { BadRequestError, Loop } from "eddy";
   *
   * await new Loop({ engine: "node" })
   *   .put("/files/:name", async (request) => {
   *     const hash = createHash("sha256").update(await request.bytes()).digest("hex");
   *     if (request.trailers.get("x-sha256") !== hash) throw new BadRequestError("the file came damaged");
   *   })
   *   .listen(8000);
   * ```
   */
  get trailers(): RequestHeaders {
    return new RequestHeaders(this.#exchange.context.trailers);
  }

  /**
   * Tells the client what it will need before there is a reply: 103 Early Hints (RFC 8297), of links as a rule. May be
   * called several times. Gives whether it was sent: not by HTTP/1.0, the engine `uws` and uwsgi, not once the reply
   * has begun, nor to a client that has left.
   *
   * @throws {InvalidReplyError} for fields that a reply could not have.
   *
   * @example
   * ```ts
   * import { html, Loop } from "eddy";
   *
   * const render = async (): Promise<string> => "<link rel=stylesheet href=/style.css>hello"; // takes a while
   *
   * await new Loop({ engine: "node" })
   *   .get("/", async (request) => {
   *     request.hint({ link: "</style.css>; rel=preload; as=style" });
   *     return html(await render());
   *   })
   *   .listen(8000);
   * ```
   */
  hint(fields: PlainHeaders): boolean {
    return this.#exchange.context.hint(fields);
  }

  /**
   * Waits for the body without reading it, and gives its length: what comes of it is kept in memory, from 512 KiB on in
   * a file, until `body` is read. So whoever reads it is not kept waiting by a slow client.
   *
   * @throws what `bytes()` throws for a body that does not come, or too much of it.
   */
  received(): Future<number> {
    return future(this.#exchange.context.body.complete());
  }

  /**
   * The whole body, as it was sent. `await` it or `yield*` it; likewise `text()`, `json()` and `form()`.
   *
   * @throws {BodyTooLargeError} past `maxBodyBytes`; unhandled, it answers 413.
   * @throws {BodyTimeoutError} past `bodyTimeoutMs`; unhandled, it answers 408.
   * @throws {ClientAbortedError} when the client goes away before the body is complete.
   * @throws {BodyUsedError} when the body was read already.
   */
  bytes(): Future<Uint8Array> {
    return this.#exchange.context.body.collect(toOwn);
  }

  /**
   * The whole body as UTF-8, as `Request.text()` has it: without a byte order mark.
   *
   * @throws {UnsupportedMediaTypeError} when its content-type names another charset, or it is compressed and the mount
   *   does not ask for that (`inflateBodies`); unhandled, it answers 415.
   */
  text(): Future<string> {
    return this.#collect((body) => {
      checkCharset(this.headers.get("content-type"));
      return decodeText(body);
    });
  }

  /**
   * The whole body as JSON, which is UTF-8 whatever its content-type says (RFC 8259, section 8.1).
   *
   * @throws {BadRequestError} when it does not parse; unhandled, it answers 400.
   * @throws {UnsupportedMediaTypeError} when it is compressed, as in `text()`.
   */
  json<T = unknown>(): Future<T> {
    return this.#collect(toJson) as Future<T>;
  }

  /**
   * The whole body as an HTML form: URL-encoded, or multipart with its files as `File`. At most 1000 fields. The name
   * of a file is what the client says, with the folders of an upload and whatever else: it is no path to write to.
   *
   * @throws {UnsupportedMediaTypeError} when it is not a form, is in another charset than UTF-8, or is compressed, as
   * in
   *   `text()`; unhandled, it answers 415.
   * @throws {BadRequestError} when it is malformed, or holds what is not UTF-8; unhandled, it answers 400.
   */
  form(): Future<FormData> {
    const type = this.headers.get("content-type") ?? "";
    return this.#collect((body) => parseForm(type, body));
  }

  /** All of it, as it was before the client compressed it. */
  #collect<T>(read: Read<T>): Future<T> {
    const { body, maxInflatedBytes } = this.#exchange.context;
    const coding = this.headers.get("content-encoding");
    if (coding === undefined || /^(?:identity)?$/i.test(coding))
      return body.collect(read);
    return body.collect(async (bytes, lent) => {
      const own = toOwn(bytes, lent);
      return read(await inflated(own, coding, maxInflatedBytes), false);
    });
  }

  /** What trusted proxies say; undefined when there are none. */
  get #clientInfo(): ClientInfo | undefined {
    const { proxies } = this.#exchange;
    return (
      proxies && (this.#client ??= proxies.ask(this.#head.peer, this.headers))
    );
  }

  get #isFromTrustedProxy(): boolean {
    const { proxies } = this.#exchange;
    const { address } = this.#head.peer;
    return address !== undefined && proxies?.trust(address) === true;
  }
}

function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new BadRequestError(
      "a percent-escape in the path is not valid UTF-8",
      {
        cause,
      },
    );
  }
}

function toOwn(body: Uint8Array, lent: boolean): Uint8Array {
  return lent ? new Uint8Array(body) : body;
}

function toJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(body));
  } catch (cause) {
    throw new BadRequestError("the body is not valid JSON", { cause });
  }
}
