/**
 * Every error of the gateway: its stable code, the status a client would get, and whose fault it is.
 * `docs/errors.md` lists the same table; a test compares the two.
 */

/** How an exchange ended. */
export type Outcome = "ok" | "abort" | "timeout" | "error" | "shed" | "drain";

/** Who has to act: whoever sent the request, whoever wrote the application, or whoever runs the gateway. */
export type Fault = "client" | "app" | "gateway";

interface Entry {
  status: number;
  fault: Fault;
  /** How an exchange has ended that fails with it. Default: `ok` for a client's fault, which is answered, else `error`. */
  outcome?: Outcome;
}

/** An {@link HttpError} takes its status from the application; a status below 500 makes it the client's fault. */
export const errorTable = {
  EDDY_BAD_REQUEST: { status: 400, fault: "client" },
  EDDY_MALFORMED_REQUEST: { status: 400, fault: "client" },
  EDDY_NOT_FOUND: { status: 404, fault: "client" },
  EDDY_METHOD_NOT_ALLOWED: { status: 405, fault: "client" },
  EDDY_BODY_TIMEOUT: { status: 408, fault: "client" },
  EDDY_BODY_TOO_LARGE: { status: 413, fault: "client" },
  EDDY_BODY_STORAGE: { status: 503, fault: "gateway" },
  EDDY_UNSUPPORTED_MEDIA_TYPE: { status: 415, fault: "client" },
  EDDY_HEADERS_TOO_LARGE: { status: 431, fault: "client" },
  EDDY_CLIENT_ABORTED: { status: 499, fault: "client", outcome: "abort" },
  EDDY_HTTP: { status: 500, fault: "app" },
  EDDY_BODY_USED: { status: 500, fault: "app" },
  EDDY_INVALID_REPLY: { status: 500, fault: "app" },
  EDDY_WSGI: { status: 500, fault: "app" },
  EDDY_THREAD_START: { status: 500, fault: "app" },
  EDDY_THREAD_LOST: { status: 500, fault: "app" },
  EDDY_THREAD_TIMEOUT: { status: 503, fault: "app", outcome: "timeout" },
  EDDY_THREADS_BUSY: { status: 503, fault: "gateway", outcome: "shed" },
  EDDY_PYTHON: { status: 500, fault: "app" },
  EDDY_PYTHON_START: { status: 500, fault: "app" },
  EDDY_PYTHON_LOST: { status: 502, fault: "app" },
  EDDY_PYTHON_TIMEOUT: { status: 503, fault: "app", outcome: "timeout" },
  EDDY_UPSTREAM: { status: 502, fault: "gateway" },
  EDDY_UPSTREAM_TIMEOUT: { status: 504, fault: "gateway", outcome: "timeout" },
  EDDY_USAGE: { status: 500, fault: "app" },
  EDDY_OVERLOADED: { status: 503, fault: "gateway", outcome: "shed" },
  EDDY_REQUEST_TIMEOUT: { status: 503, fault: "gateway", outcome: "timeout" },
  EDDY_DRAINED: { status: 503, fault: "gateway", outcome: "drain" },
  EDDY_HALTED: { status: 503, fault: "gateway" },
  EDDY_LISTEN: { status: 500, fault: "gateway" },
  EDDY_ENGINE: { status: 500, fault: "gateway" },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof errorTable;

/** What all errors of the gateway have in common. Catch this to tell them from an application's own. */
export abstract class GatewayError extends Error {
  readonly code: ErrorCode;
  /** The status a client gets when nothing else handles the error. */
  readonly status: number;
  readonly fault: Fault;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    const entry: Entry = errorTable[code];
    this.status = entry.status;
    this.fault = entry.fault;
  }

  /** What the client may read. The message where the client is at fault; nothing of an internal error. */
  get clientMessage(): string | undefined {
    return this.fault === "client" ? this.message : undefined;
  }

  /** Headers that belong to the reply, such as `allow`. */
  get headers(): Record<string, string> {
    return {};
  }

  /** The connection ends with the reply, and nothing that came behind the request is looked at. */
  get severs(): boolean {
    return false;
  }

  /** How an exchange has ended that fails with it. */
  get outcome(): Outcome {
    const entry: Entry = errorTable[this.code];
    return entry.outcome ?? (this.fault === "client" ? "ok" : "error");
  }
}

/**
 * Thrown by an application to answer with a status of its own choice. The client reads `message`; `cause` only goes to
 * the log.
 *
 * @throws {UsageError} when `status` is not from 400 to 599.
 *
 * @example
 * ```ts
 * import { HttpError, Loop } from "eddy";
 *
 * await new Loop()
 *   .get("/teapot", () => {
 *     throw new HttpError(418, "short and stout", { headers: { "x-kind": "teapot" } });
 *   })
 *   .listen(8000);
 * ```
 */
export class HttpError extends GatewayError {
  override readonly status: number;
  override readonly fault: Fault;
  readonly #headers: Record<string, string>;

  constructor(
    status: number,
    message: string,
    options: ErrorOptions & { headers?: Record<string, string> } = {},
  ) {
    super("EDDY_HTTP", message, options);
    if (!Number.isInteger(status) || status < 400 || status > 599)
      throw new UsageError(
        `HttpError takes a status from 400 to 599, not ${status}`,
      );
    this.status = status;
    this.fault = status < 500 ? "client" : "app";
    this.#headers = options.headers ?? {};
  }

  override get clientMessage(): string {
    return this.message;
  }

  override get headers(): Record<string, string> {
    return this.#headers;
  }
}

/** The request is malformed: a bad percent-escape, JSON that does not parse, a form that ends too early. */
export class BadRequestError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super("EDDY_BAD_REQUEST", message, options);
  }
}

/**
 * The request's own frame is malformed, so that nobody can say where it ends and the next one begins. The connection is
 * closed with the reply, and what came behind it is never looked at (RFC 9112, section 6.3).
 */
export class MalformedRequestError extends GatewayError {
  constructor(message: string) {
    super("EDDY_MALFORMED_REQUEST", message);
  }

  override get severs(): boolean {
    return true;
  }
}

/** Nothing is mounted at the path. */
export class NotFoundError extends GatewayError {
  constructor() {
    super("EDDY_NOT_FOUND", "nothing is here");
  }
}

/** Something is mounted at the path, for other methods; `allowed` lists them. */
export class MethodNotAllowedError extends GatewayError {
  readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    super("EDDY_METHOD_NOT_ALLOWED", `use ${allowed.join(", ")} here`);
    this.allowed = allowed;
  }

  /** RFC 9110, section 15.5.6: a 405 must carry Allow. */
  override get headers(): Record<string, string> {
    return { allow: this.allowed.join(", ") };
  }
}

/** The client was slower with its body than `bodyTimeoutMs`. The connection is closed after the reply. */
export class BodyTimeoutError extends GatewayError {
  constructor(limitMs: number) {
    super(
      "EDDY_BODY_TIMEOUT",
      `the body took longer than the ${limitMs} ms allowed here`,
    );
  }

  override get severs(): boolean {
    return true;
  }
}

/** The request body is longer than `maxBodyBytes`. The connection is closed after the reply. */
export class BodyTooLargeError extends GatewayError {
  constructor(limit: number) {
    super(
      "EDDY_BODY_TOO_LARGE",
      `the body is longer than the ${limit} bytes allowed here`,
    );
  }

  /** What is left of the body is not read, so the next request could not be found. */
  override get severs(): boolean {
    return true;
  }
}

/** What came of a request body before its application read it could not be kept: the disk is full, or too many files are open. The connection is closed after the reply. */
export class BodyStorageError extends GatewayError {
  constructor(folder: string, cause: Error) {
    super(
      "EDDY_BODY_STORAGE",
      `a request body that is not read yet cannot be kept in ${folder}: ${cause.message}`,
      { cause },
    );
  }

  override get severs(): boolean {
    return true;
  }
}

/** The body is of another type than the application asked for. */
export class UnsupportedMediaTypeError extends GatewayError {
  constructor(found: string, wanted: string) {
    super(
      "EDDY_UNSUPPORTED_MEDIA_TYPE",
      `send ${wanted}, not ${found || "a body without a content-type"}`,
    );
  }
}

/** The header fields are longer than `maxHeaderBytes`. The connection is closed after the reply. */
export class HeadersTooLargeError extends GatewayError {
  constructor(limit: number) {
    super(
      "EDDY_HEADERS_TOO_LARGE",
      `the headers are longer than the ${limit} bytes allowed here`,
    );
  }

  override get severs(): boolean {
    return true;
  }
}

/** The client went away before the reply was complete. The reason of `request.signal`; a body read ends with it. */
export class ClientAbortedError extends GatewayError {
  constructor() {
    super(
      "EDDY_CLIENT_ABORTED",
      "the client went away before the reply was complete",
    );
  }
}

/** The body is read a second time, or after the exchange has ended. */
export class BodyUsedError extends GatewayError {
  constructor(
    message = "the request body was read already; keep what you read",
  ) {
    super("EDDY_BODY_USED", message);
  }
}

/** A handler returned, or a stream produced, something that is no reply. */
export class InvalidReplyError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super("EDDY_INVALID_REPLY", message, options);
  }
}

/** A WSGI-style application broke a rule of PEP 3333. */
export class WsgiError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super("EDDY_WSGI", message, options);
  }
}

/** A thread did not start: its module cannot be loaded, or not within `startTimeoutMs`, or does not export an application. `listen` fails with it. */
export class ThreadStartError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super("EDDY_THREAD_START", message, options);
  }
}

/** The thread of a request ended before its reply was complete: by `process.exit`, an uncaught error, out of memory. */
export class ThreadLostError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super("EDDY_THREAD_LOST", message, options);
  }
}

/** A synchronous application ran longer than `threadTimeoutMs` without a sign of life. */
export class ThreadTimeoutError extends GatewayError {
  constructor(limitMs: number) {
    super(
      "EDDY_THREAD_TIMEOUT",
      `the application was not heard of for ${limitMs} ms (threadTimeoutMs)`,
    );
  }
}

/** Every thread is busy, and `maxQueuedRequests` wait already. The client may come again in a second. */
export class ThreadsBusyError extends GatewayError {
  constructor(limit: number) {
    super(
      "EDDY_THREADS_BUSY",
      `all threads are busy and ${limit} requests wait (maxQueuedRequests)`,
    );
  }

  /** RFC 9110, section 10.2.3. */
  override get headers(): Record<string, string> {
    return { "retry-after": "1" };
  }
}

/** A Python application raised an exception. The stack is Python's traceback. */
export class PythonError extends GatewayError {
  constructor(traceback: string) {
    super("EDDY_PYTHON", traceback.trimEnd().split("\n").at(-1)!);
    this.stack = traceback.trimEnd();
  }
}

/** A Python application did not start: no interpreter, or an error while it was imported. `listen` fails with it. */
export class PythonStartError extends GatewayError {
  constructor(message: string) {
    super("EDDY_PYTHON_START", message);
  }
}

/** The Python process of a request ended before its reply was complete. */
export class PythonLostError extends GatewayError {
  constructor(message: string) {
    super("EDDY_PYTHON_LOST", message);
  }
}

/** A Python application ran longer than `harakiriMs` without a sign of life. */
export class PythonTimeoutError extends GatewayError {
  constructor(limitMs: number) {
    super(
      "EDDY_PYTHON_TIMEOUT",
      `the application was not heard of for ${limitMs} ms (harakiriMs)`,
    );
  }
}

/** A server that requests are handed on to cannot be reached, breaks off, or says what is no HTTP. */
export class UpstreamError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super("EDDY_UPSTREAM", message, options);
  }
}

/** A server that a request was handed on to was silent for longer than `timeoutMs`. */
export class UpstreamTimeoutError extends GatewayError {
  constructor(upstream: string, limitMs: number) {
    super(
      "EDDY_UPSTREAM_TIMEOUT",
      `${upstream} was silent for ${limitMs} ms (timeoutMs)`,
    );
  }
}

/** The gateway's own interface is used wrongly: an unknown option, a mount after `listen`, the same route twice. */
export class UsageError extends GatewayError {
  constructor(message: string) {
    super("EDDY_USAGE", message);
  }
}

/** `maxConcurrentRequests` are running already. Nothing was started for this one. */
export class OverloadedError extends GatewayError {
  constructor() {
    super("EDDY_OVERLOADED", "too many requests are running");
  }

  /** RFC 9110, section 10.2.3. A second: what is too much now may be over then, and the next moment would be too soon. */
  override get headers(): Record<string, string> {
    return { "retry-after": "1" };
  }
}

/** The exchange took longer than `requestTimeoutMs`, or than the deadline that came with it. The reason of `request.signal` then. */
export class RequestTimeoutError extends GatewayError {
  constructor() {
    super("EDDY_REQUEST_TIMEOUT", "the request took too long");
  }
}

/** The loop closed and the exchange was not done within `drainTimeoutMs`. The reason of `request.signal` then. */
export class DrainedError extends GatewayError {
  constructor() {
    super("EDDY_DRAINED", "the server is shutting down");
  }
}

/** The exchange was halted by `loop.halt(id)`. The reason of `request.signal` then. */
export class HaltedError extends GatewayError {
  constructor() {
    super("EDDY_HALTED", "the request was halted");
  }
}

/** The loop cannot listen: the port is taken, the address is not of this machine, a certificate is missing. */
export class ListenError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super("EDDY_LISTEN", message, options);
  }
}

/** uWebSockets.js does not load on this machine. */
export class EngineError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super("EDDY_ENGINE", message, options);
  }
}
