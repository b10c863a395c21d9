/** What an application gets of a request. */
import type { Future, Scope } from "effection";
import { parse as parseCookies } from "cookie";
import type { RequestBody } from "./body.ts";
import { callersPatience } from "./deadline.ts";
import { BadRequestError } from "../common/errors.ts";
import { parseForm } from "./form.ts";
import type { Frame, Framing } from "./framing.ts";
import type { Scheme } from "./forwarded.ts";
import { future } from "../operations/future.ts";
import { readHeaders } from "../engine/uws/read.ts";
import { RequestHeaders } from "./headers.ts";
import type { Logger } from "../common/log.ts";
import type { Peer, Proxies, Told } from "./proxies.ts";
import type { HttpRequest } from "../engine/uws/load.ts";

/** What a request asks of the exchange that it belongs to. */
export interface RequestOwner extends Peer {
  readonly id: string;
  readonly scheme: Scheme;
  /** Undefined when no peer is trusted to speak for others. */
  readonly proxies: Proxies | undefined;
  readonly fromTrustedProxy: boolean;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly requestTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly scope: Scope;
  readonly log: Logger;
  readonly body: RequestBody;
}

/** Where the router found the application. */
export interface Place {
  /** Prefix of the mount, without a trailing slash; empty for the root and for routes. */
  readonly mountPath: string;
  /** Names of the pattern's `:parameters`, in order. */
  readonly paramNames: readonly string[];
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
export class GatewayRequest {
  /** As sent: `GET`, `POST`, … Methods are case-sensitive (RFC 9110, section 9.1). */
  readonly method: string;
  /** Where the application is mounted, without a trailing slash; empty at the root. `SCRIPT_NAME` of the WSGI world. */
  readonly mountPath: string;
  /** The path below the mount, percent-escapes kept: decoding is final, `%2f` would become a separator. Empty when the mount itself was asked for. */
  readonly path: string;

  readonly #exchange: { readonly owner: RequestOwner };
  readonly #place: Place;
  /** The engine's request while the route callback runs: what is read lazily is read from here, or copied by `detach`. */
  #native: HttpRequest | undefined;
  readonly #rawHeaders: readonly string[];
  #frame: Frame | undefined;
  #headers: RequestHeaders | undefined;
  #queryString: string | undefined;
  #rawParams: readonly string[] | undefined;
  #query: URLSearchParams | undefined;
  #params: Readonly<Record<string, string>> | undefined;
  #cookies: Readonly<Record<string, string | undefined>> | undefined;
  #toldByProxies: Told | undefined;

  constructor(
    exchange: { readonly owner: RequestOwner },
    place: Place,
    method: string,
    url: string,
    native: HttpRequest,
  ) {
    this.method = method;
    this.mountPath = place.mountPath;
    this.path =
      place.mountPath === "" ? url : url.slice(place.mountPath.length);
    this.#exchange = exchange;
    this.#place = place;
    this.#native = native;
    this.#rawHeaders = readHeaders(native);
  }

  /** What its header fields say of the message itself. For admission. @throws {MalformedRequestError} */
  static frame(request: GatewayRequest, framing: Framing): Frame {
    return (request.#frame = framing.frameOf(request.#rawHeaders));
  }

  /** The client asks, among other options, to close the connection after the reply. For the exchange. */
  static closes(request: GatewayRequest): boolean {
    return request.#frame?.close === true;
  }

  /** Copies what the engine is about to free. For the exchange, before the route callback returns. */
  static detach(request: GatewayRequest): void {
    request.#queryString ??= request.queryString;
    request.#rawParams ??= request.#readParams();
    request.#native = undefined;
  }

  /** Identifies the request in every log line that belongs to it: the client's `x-request-id`, or one of the gateway's own (option `requestId`). */
  get id(): string {
    return this.#exchange.owner.id;
  }

  get headers(): RequestHeaders {
    return (this.#headers ??= new RequestHeaders(this.#rawHeaders));
  }

  /** What follows the `?`, as sent; empty without one. */
  get queryString(): string {
    return (this.#queryString ??= this.#live().getQuery() ?? "");
  }

  /** The query, decoded (WHATWG URL, "application/x-www-form-urlencoded parsing": never throws). */
  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams(this.queryString));
  }

  /**
   * The values of the route's `:parameters`, percent-decoded.
   *
   * @throws {BadRequestError} when an escape is no UTF-8; unhandled, it answers 400.
   */
  get params(): Readonly<Record<string, string>> {
    if (this.#params) return this.#params;
    const params: Record<string, string> = {};
    const raw = (this.#rawParams ??= this.#readParams());
    this.#place.paramNames.forEach(
      (name, i) => (params[name] = decode(raw[i]!)),
    );
    return (this.#params = params);
  }

  /** The cookies that the client sent (RFC 6265, section 5.4), decoded where they decode. */
  get cookies(): Readonly<Record<string, string | undefined>> {
    return (this.#cookies ??= parseCookies(this.headers.get("cookie") ?? ""));
  }

  /**
   * Address of the client. Without the option `trustProxy` that is the peer, who may be a proxy; empty on a Unix socket.
   * Asked for the first time after the end of the exchange, it is empty, too: the engine has forgotten it.
   */
  get remoteAddress(): string {
    return this.#told?.address ?? this.#exchange.owner.peerAddress ?? "";
  }

  /** As the client asked: the listener's, `https` with TLS, or what a trusted proxy says. */
  get scheme(): Scheme {
    return this.#told?.scheme ?? this.#exchange.owner.scheme;
  }

  /**
   * The authority that the client asked for, a name or an address with or without a port: `example.org`, `[::1]:8000`.
   * From the Host field, or what a trusted proxy says. It is what the client says, so it proves nothing.
   */
  get host(): string {
    return this.#told?.host ?? this.headers.get("host") ?? "";
  }

  /**
   * When the exchange has to be over, in milliseconds since the epoch; it is halted then. By the option
   * `requestTimeoutMs`, or by the field `grpc-timeout` of a trusted proxy (`trustProxy`), whichever is sooner; undefined
   * without either.
   */
  get deadline(): number | undefined {
    const { fromTrustedProxy, requestTimeoutMs } = this.#exchange.owner;
    const patience = fromTrustedProxy
      ? callersPatience(this.headers)
      : Infinity;
    const limit = Math.min(requestTimeoutMs, patience);
    return limit === Infinity
      ? undefined
      : this.#exchange.owner.startedAt + limit;
  }

  /** Fires when the exchange ends early: the client aborted, its time was up, the loop drained. `reason` says which. Never fires after a complete reply. */
  get signal(): AbortSignal {
    return this.#exchange.owner.signal;
  }

  /**
   * Tasks started here belong to the exchange: they are halted when it ends, in whatever way.
   *
   * @throws {UsageError} once it has ended, and they have.
   */
  get scope(): Scope {
    return this.#exchange.owner.scope;
  }

  /** The loop's log, with the request's id in each line. */
  get log(): Logger {
    return this.#exchange.owner.log;
  }

  /** The body in chunks, as it comes; the client waits while they are not read. `for await` it, or effection's `each(stream(request.body))`. */
  get body(): AsyncIterable<Uint8Array> {
    return this.#exchange.owner.body;
  }

  /** True when the client announced a body. */
  get hasBody(): boolean {
    return this.#frame !== undefined && this.#frame.bodyLength !== 0;
  }

  /**
   * The whole body. `await` it or `yield*` it; likewise `text()`, `json()` and `form()`.
   *
   * @throws {BodyTooLargeError} past `maxBodyBytes`; unhandled, it answers 413.
   * @throws {BodyTimeoutError} past `bodyTimeoutMs`; unhandled, it answers 408.
   * @throws {ClientAbortedError} when the client goes away before the body is complete.
   * @throws {BodyUsedError} when the body was read already.
   */
  bytes(): Future<Uint8Array> {
    return future(this.#exchange.owner.body.collect());
  }

  /** The whole body as UTF-8. */
  text(): Future<string> {
    return future(this.#exchange.owner.body.collect().then(toText));
  }

  /**
   * The whole body as JSON.
   *
   * @throws {BadRequestError} when it does not parse; unhandled, it answers 400.
   */
  json<T = unknown>(): Future<T> {
    return future(
      this.#exchange.owner.body
        .collect()
        .then((body) => parseJson(toText(body)) as T),
    );
  }

  /**
   * The whole body as an HTML form: URL-encoded, or multipart with its files as `File`. At most 1000 fields.
   *
   * @throws {UnsupportedMediaTypeError} when it is no form; unhandled, it answers 415.
   * @throws {BadRequestError} when it is malformed; unhandled, it answers 400.
   */
  form(): Future<FormData> {
    const type = this.headers.get("content-type") ?? "";
    return future(
      this.#exchange.owner.body.collect().then((body) => parseForm(type, body)),
    );
  }

  /** What trusted proxies say; undefined when there are none. */
  get #told(): Told | undefined {
    const { proxies } = this.#exchange.owner;
    return (
      proxies &&
      (this.#toldByProxies ??= proxies.ask(this.#exchange.owner, this.headers))
    );
  }

  #readParams(): string[] {
    return this.#place.paramNames.map(
      (_, i) => this.#live().getParameter(i) ?? "",
    );
  }

  /** Detached requests have copies of all, so this is a bug of ours; an error beats what the engine would do. */
  #live(): HttpRequest {
    if (!this.#native)
      throw new Error("the engine's request was read after its route callback");
    return this.#native;
  }
}

function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new BadRequestError("a percent-escape in the path is no UTF-8", {
      cause,
    });
  }
}

function toText(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BadRequestError("the body is no JSON", { cause });
  }
}
