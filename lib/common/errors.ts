/**
 * Every error of the gateway: its stable code, the status a client would get, and whose fault it is.
 * `docs/errors.md` lists the same table; a test compares the two.
 */
import { brand } from "./brand.ts";
import { counted } from "./counted.ts";

/** How an exchange ended. */
export type Outcome = "ok" | "abort" | "timeout" | "error" | "shed" | "drain";

/** Who has to act: whoever sent the request, whoever wrote the application, or whoever runs the gateway. */
export type Fault = "client" | "app" | "gateway";

export interface Entry {
  status: number;
  fault: Fault;
  /** Default: `ok` for a client's fault, which is answered, else `error`. */
  outcome?: Outcome;
  /** Default: false. */
  closesConnection?: true;
  /** Default: none. */
  headers?: Readonly<Record<string, string>>;
  /** Default: false. */
  stackless?: true;
}

/** What follows on the connection belongs to the request that failed, or cannot be told from it. */
const CLOSES = { closesConnection: true } as const;

/**
 * The gateway says it of itself, mostly before any application has the request. Where in the gateway helps nobody, and
 * the stack would cost more than the rest of the reply, which anybody can ask for as often as he likes.
 */
const REFUSAL = { stackless: true } as const;

/** RFC 9110, section 10.2.3. The shortest time above 0 that it can say: what is too much now may be over by then. */
const RETRY = { headers: { "retry-after": "1" } } as const;

/** An {@link HttpError} takes its status from the application; a status below 500 makes it the client's fault. */
/** RFC 9110, section 15.5.22; RFC 6455, section 4.4. */
const UPGRADE = { upgrade: "websocket", "sec-websocket-version": "13" };

export const errorTable = {
  EDDY_BAD_REQUEST: { status: 400, fault: "client" },
  EDDY_MALFORMED_REQUEST: {
    status: 400,
    fault: "client",
    ...CLOSES,
    ...REFUSAL,
  },
  EDDY_NOT_FOUND: { status: 404, fault: "client", ...REFUSAL },
  EDDY_METHOD_NOT_ALLOWED: { status: 405, fault: "client", ...REFUSAL },
  EDDY_UPGRADE_REQUIRED: {
    status: 426,
    fault: "client",
    headers: UPGRADE,
    ...REFUSAL,
  },
  EDDY_ORIGIN: { status: 403, fault: "client", ...REFUSAL },
  EDDY_BODY_TIMEOUT: { status: 408, fault: "client", ...CLOSES },
  EDDY_BODY_TOO_LARGE: { status: 413, fault: "client", ...CLOSES, ...REFUSAL },
  EDDY_BODY_STORAGE: { status: 503, fault: "gateway", ...CLOSES },
  EDDY_UNSUPPORTED_MEDIA_TYPE: { status: 415, fault: "client" },
  EDDY_HEADERS_TOO_LARGE: {
    status: 431,
    fault: "client",
    ...CLOSES,
    ...REFUSAL,
  },
  EDDY_CLIENT_ABORTED: { status: 499, fault: "client", outcome: "abort" },
  EDDY_HTTP: { status: 500, fault: "app" },
  EDDY_BODY_USED: { status: 500, fault: "app" },
  EDDY_INVALID_REPLY: { status: 500, fault: "app" },
  EDDY_WSGI: { status: 500, fault: "app" },
  EDDY_THREAD_START: { status: 500, fault: "app" },
  EDDY_THREAD_LOST: { status: 500, fault: "app" },
  EDDY_THREAD_TIMEOUT: { status: 503, fault: "app", outcome: "timeout" },
  EDDY_THREADS_BUSY: {
    status: 503,
    fault: "gateway",
    outcome: "shed",
    ...RETRY,
    ...REFUSAL,
  },
  EDDY_PYTHON: { status: 500, fault: "app" },
  EDDY_PYTHON_START: { status: 500, fault: "app" },
  EDDY_PYTHON_LOST: { status: 502, fault: "app" },
  EDDY_PYTHON_TIMEOUT: { status: 503, fault: "app", outcome: "timeout" },
  EDDY_UPSTREAM: { status: 502, fault: "gateway" },
  EDDY_UPSTREAM_TIMEOUT: { status: 504, fault: "gateway", outcome: "timeout" },
  EDDY_BROKER: { status: 503, fault: "gateway", ...RETRY },
  EDDY_USAGE: { status: 500, fault: "app" },
  EDDY_CLIENT_BUSY: {
    status: 429,
    fault: "client",
    outcome: "shed",
    ...RETRY,
    ...REFUSAL,
  },
  EDDY_SOCKET_CLOSED: { status: 499, fault: "client", outcome: "abort" },
  EDDY_OVERLOADED: {
    status: 503,
    fault: "gateway",
    outcome: "shed",
    ...RETRY,
    ...REFUSAL,
  },
  EDDY_REQUEST_TIMEOUT: { status: 503, fault: "gateway", outcome: "timeout" },
  EDDY_DRAINED: { status: 503, fault: "gateway", outcome: "drain" },
  EDDY_HALTED: { status: 503, fault: "gateway" },
  EDDY_LISTEN: { status: 500, fault: "gateway" },
  EDDY_ENGINE: { status: 500, fault: "gateway" },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof errorTable;

/** What all errors of the gateway have in common: `instanceof GatewayError` tells them from an application's own. */
export abstract class GatewayError extends Error {
  // `declare`, as the constructor sets them all: on the hot path a field is not defined first and then set
  declare readonly code: ErrorCode;
  /** The status a client gets when nothing else handles the error. */
  declare readonly status: number;
  declare readonly fault: Fault;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    const entry: Entry = errorTable[code];
    const { stackTraceLimit } = Error;
    if (entry.stackless) limitStack(0);
    super(message, options);
    if (entry.stackless) limitStack(stackTraceLimit);
    this.code = code;
    this.status = entry.status;
    this.fault = entry.fault;
    this.name = new.target.name;
  }

  /** What the client may read: the message if the client is at fault, undefined for an internal error. */
  get clientMessage(): string | undefined {
    return this.fault === "client" ? this.message : undefined;
  }

  /** Headers that belong to the reply, such as `allow`. */
  get headers(): Readonly<Record<string, string>> {
    return entryOf(this).headers ?? {};
  }

  /** The connection is closed after the reply, and nothing that came behind the request is looked at. */
  get closesConnection(): boolean {
    return entryOf(this).closesConnection ?? false;
  }

  /** How an exchange that fails with it has ended. */
  get outcome(): Outcome {
    return entryOf(this).outcome ?? (this.fault === "client" ? "ok" : "error");
  }
}
brand(GatewayError);

/** Where the program may, and has not frozen `Error`. */
function limitStack(frames: number): void {
  Reflect.set(Error, "stackTraceLimit", frames);
}

const entryOf = ({ code }: GatewayError): Entry => errorTable[code];

/** What an exchange has to know of what it fails with. */
export interface Failure extends Pick<
  GatewayError,
  "status" | "outcome" | "clientMessage" | "headers" | "closesConnection"
> {
  /** Nobody can say where the request ends. */
  readonly frameIsUnclear: boolean;
  /** There is more to it than the client may read. */
  readonly hasCause: boolean;
}

const INTERNAL: Failure = {
  status: 500,
  outcome: "error",
  clientMessage: undefined,
  headers: {},
  closesConnection: false,
  frameIsUnclear: false,
  hasCause: false,
};

/**
 * Reads all of it at once, here: what an application throws may itself throw at whoever asks, and is `INTERNAL` then.
 */
export function failureOf(error: unknown): Failure {
  try {
    if (!(error instanceof GatewayError)) return INTERNAL;
    const { status, outcome, clientMessage, headers, closesConnection } = error;
    const frameIsUnclear = error instanceof MalformedRequestError;
    const hasCause = error.cause !== undefined;
    return {
      status,
      outcome,
      clientMessage,
      headers,
      closesConnection,
      frameIsUnclear,
      hasCause,
    };
  } catch {
    return INTERNAL;
  }
}

/**
 * A class of errors with this code.
 *
 * @param text - makes the message of the constructor's arguments. Default: they are a message and options of `Error`.
 */
function define<
  Values extends unknown[] = [message: string, options?: ErrorOptions],
>(
  code: ErrorCode,
  text?: (...values: Values) => string,
): { readonly code: ErrorCode; new (...values: Values): GatewayError } {
  return class extends GatewayError {
    static readonly code = code;

    constructor(...values: Values) {
      if (text === undefined)
        super(code, ...(values as unknown as [string, ErrorOptions?]));
      else super(code, text(...values));
    }
  };
}

/**
 * Thrown by an application to answer with a status of its own choice. The client reads `message`; `cause` goes only to
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
export class BadRequestError extends define("EDDY_BAD_REQUEST") {}

/**
 * The request's own frame is malformed, so that nobody can say where it ends and the next one begins. The connection is
 * closed with the reply, and what came behind it is never looked at (RFC 9112, section 6.3).
 */
export class MalformedRequestError extends define("EDDY_MALFORMED_REQUEST") {}

/** Nothing is mounted at the path. */
export class NotFoundError extends define(
  "EDDY_NOT_FOUND",
  () => "nothing is here",
) {}

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

/** Only WebSockets are to be had at the path, of version 13, on the engine that the request came to. */
export class UpgradeRequiredError extends define(
  "EDDY_UPGRADE_REQUIRED",
  () => "a WebSocket is here, of version 13: ask for an upgrade",
) {}

/** The page that asks for a WebSocket is of another origin than those that may (option `origins`). */
export class OriginError extends define(
  "EDDY_ORIGIN",
  () => "pages of this origin may not connect here",
) {}

/** A message was to be sent on a WebSocket that is closed, or waited for when it was. */
export class SocketClosedError extends define(
  "EDDY_SOCKET_CLOSED",
  ({ code, reason }: { code: number; reason: string }) =>
    `the WebSocket is closed (${code}${reason === "" ? "" : `: ${reason}`})`,
) {}

/** The client was slower with its body than `bodyTimeoutMs`. The connection is closed after the reply. */
export class BodyTimeoutError extends define(
  "EDDY_BODY_TIMEOUT",
  (limitMs: number) =>
    `the body took longer than the ${limitMs} ms allowed here`,
) {}

/** The request body is longer than `maxBodyBytes`. The connection is closed after the reply. */
export class BodyTooLargeError extends define(
  "EDDY_BODY_TOO_LARGE",
  (limit: number) => `the body is longer than the ${limit} bytes allowed here`,
) {}

/**
 * The part of a request body that arrived before the application read it could not be kept: the disk is full, or too
 * many files are open. The connection is closed after the reply.
 */
export class BodyStorageError extends GatewayError {
  static readonly code = "EDDY_BODY_STORAGE";

  constructor(folder: string, cause: Error) {
    super(
      "EDDY_BODY_STORAGE",
      `a request body that is not read yet cannot be kept in ${folder}: ${cause.message}`,
      { cause },
    );
  }
}

/** The body is of another type than the application asked for. */
export class UnsupportedMediaTypeError extends define(
  "EDDY_UNSUPPORTED_MEDIA_TYPE",
  (found: string, wanted: string) =>
    `send ${wanted}, not ${found || "a body without a content-type"}`,
) {}

/** The header fields are longer than `maxHeaderBytes`. The connection is closed after the reply. */
export class HeadersTooLargeError extends define(
  "EDDY_HEADERS_TOO_LARGE",
  (limit: number) =>
    `the headers are longer than the ${limit} bytes allowed here`,
) {}

/** The client went away before the reply was complete. The reason of `request.signal`; a body read ends with it. */
export class ClientAbortedError extends define(
  "EDDY_CLIENT_ABORTED",
  () => "the client went away before the reply was complete",
) {}

/** The body is read a second time, or after the exchange has ended. */
export class BodyUsedError extends define(
  "EDDY_BODY_USED",
  (text = "the request body was read already; keep what you read") => text,
) {}

/** A handler returned, or a stream produced, something that cannot be sent. */
export class InvalidReplyError extends define("EDDY_INVALID_REPLY") {}

/** A WSGI-style application broke a rule of PEP 3333. */
export class WsgiError extends define("EDDY_WSGI") {}

/**
 * A thread did not start: its module cannot be loaded, or not within `startTimeoutMs`, or does not export an
 * application. `listen` fails with it.
 */
export class ThreadStartError extends define("EDDY_THREAD_START") {}

/** The thread of a request ended before its reply was complete: by `process.exit`, an uncaught error, out of memory. */
export class ThreadLostError extends define("EDDY_THREAD_LOST") {}

/** A synchronous application ran longer than `threadTimeoutMs` without a sign of life. */
export class ThreadTimeoutError extends define(
  "EDDY_THREAD_TIMEOUT",
  (limitMs: number) =>
    `the application was not heard of for ${limitMs} ms (threadTimeoutMs)`,
) {}

/** Every thread is busy, and `maxQueuedRequests` wait already. The client may come again in a second. */
export class ThreadsBusyError extends define(
  "EDDY_THREADS_BUSY",
  (limit: number) =>
    `all threads are busy, and ${counted(limit, "request")} waiting (maxQueuedRequests)`,
) {}

/** A Python application raised an exception. The stack is Python's traceback. */
export class PythonError extends GatewayError {
  constructor(traceback: string) {
    super("EDDY_PYTHON", traceback.trimEnd().split("\n").at(-1)!);
    this.stack = traceback.trimEnd();
  }
}

/** A Python application did not start: no interpreter, or an error while it was imported. `listen` fails with it. */
export class PythonStartError extends define("EDDY_PYTHON_START") {}

/** The Python process of a request ended before its reply was complete. */
export class PythonLostError extends define("EDDY_PYTHON_LOST") {}

/** A Python application ran longer than `harakiriMs` without a sign of life. */
export class PythonTimeoutError extends define(
  "EDDY_PYTHON_TIMEOUT",
  (limitMs: number) =>
    `the application was not heard of for ${limitMs} ms (harakiriMs)`,
) {}

/** A server that requests are handed on to cannot be reached, breaks off, or does not speak valid HTTP. */
export class UpstreamError extends define("EDDY_UPSTREAM") {}

/** A server that a request was handed on to was silent for longer than `timeoutMs`. */
export class UpstreamTimeoutError extends define(
  "EDDY_UPSTREAM_TIMEOUT",
  (upstream: string, limitMs: number) =>
    `${upstream} was silent for ${limitMs} ms (timeoutMs)`,
) {}

/**
 * What was published has not got to other processes and machines: the broker is gone, or behind. The sockets of this
 * process have it.
 */
export class BrokerError extends define(
  "EDDY_BROKER",
  (broker: string, why: string) =>
    `${broker} ${why}: only the sockets of this process got the message`,
) {}

/** The gateway's own interface is used wrongly: an unknown option, a mount after `listen`, the same route twice. */
export class UsageError extends define("EDDY_USAGE") {}

/** The client has `maxConnectionsPerClient` requests under way already. Nothing was started for this one. */
export class ClientBusyError extends GatewayError {
  readonly address: string;

  constructor(address: string, limit: number) {
    super(
      "EDDY_CLIENT_BUSY",
      `you have ${counted(limit, "request")} running already; wait for one of them`,
    );
    this.address = address;
  }
}

/** `maxConcurrentRequests` are running already, or `maxSockets` open. Nothing was started for this one. */
export class OverloadedError extends define(
  "EDDY_OVERLOADED",
  (text = "too many requests are running") => text,
) {}

/**
 * The exchange took longer than `requestTimeoutMs`, or than the deadline that came with it. The reason of
 * `request.signal` then.
 */
export class RequestTimeoutError extends define(
  "EDDY_REQUEST_TIMEOUT",
  () => "the request took too long",
) {}

/** The loop closed and the exchange was not done within `drainTimeoutMs`. The reason of `request.signal` then. */
export class DrainedError extends define(
  "EDDY_DRAINED",
  () => "the server is shutting down",
) {}

/** The exchange was halted by `loop.halt(id)`. The reason of `request.signal` then. */
export class HaltedError extends define(
  "EDDY_HALTED",
  () => "the request was halted",
) {}

/** The loop cannot listen: the port is taken, the address is not of this machine, a certificate is missing. */
export class ListenError extends define("EDDY_LISTEN") {}

/** uWebSockets.js does not load on this machine. */
export class EngineError extends define("EDDY_ENGINE") {}
