/** A request as a `Request`. */
import { GatewayError, type GatewayRequest } from "../../lib/adapter.ts";
import { LightHeaders } from "./headers.ts";
import {
  NativeRequest,
  NativeResponse,
  standsFor,
  type StandIn,
} from "./platform.ts";

/**
 * A `Request` that reads from eddy's own one. A real one is made when somebody asks for what few ask for, or gives it
 * to Node's own functions; from then on it is the only one.
 */
export class LightRequest implements StandIn<Request> {
  readonly #of: GatewayRequest;
  readonly url: string;
  #headers: Headers | undefined;
  #signal: AbortSignal | undefined;
  #body: ReadableStream<Uint8Array> | undefined;
  #used = false;
  #native: Request | undefined;

  constructor(of: GatewayRequest, url: string) {
    this.#of = of;
    this.url = url;
  }

  static is(value: unknown): value is LightRequest {
    return typeof value === "object" && value !== null && #of in value;
  }

  get method(): string {
    return this.#of.method;
  }

  get headers(): Headers {
    return (this.#headers ??= new LightHeaders(
      this.#of.headers,
    ) as unknown as Headers);
  }

  get signal(): AbortSignal {
    return (this.#signal ??= abortSignal(this.#of.signal));
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.#native !== undefined) return this.#native.body;
    if (!hasBody(this.#of)) return null;
    return (this.#body ??= streamOf(this.#of, () => (this.#used = true)));
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? this.#used;
  }

  get duplex(): string {
    return "half";
  }

  text(): Promise<string> {
    return this.#read(
      (native) => native.text(),
      // not `of.text()`, which knows of charsets and codings: the platform does not
      (of) => of.bytes().then(decoded, refuse),
      "",
    );
  }

  json(): Promise<unknown> {
    return this.text().then(JSON.parse);
  }

  bytes(): Promise<Uint8Array> {
    return this.#read(
      async (native) => new Uint8Array(await native.arrayBuffer()),
      (of) => of.bytes().catch(refuse),
      new Uint8Array(),
    );
  }

  async arrayBuffer(): Promise<ArrayBufferLike> {
    const { buffer, byteOffset, byteLength } = await this.bytes();
    return buffer.slice(byteOffset, byteOffset + byteLength);
  }

  async blob(): Promise<Blob> {
    const type = this.headers.get("content-type") ?? "";
    return new Blob([(await this.bytes()) as BlobPart], { type });
  }

  /** Also without a body: that it is no form is said in the same way. */
  formData(): Promise<FormData> {
    return this.#read(
      (native) => native.formData(),
      (of) => of.form().catch(refuse),
    );
  }

  clone(): Request {
    return this.native.clone();
  }

  get native(): Request {
    return (this.#native ??= nativeRequest(
      this.#of,
      this.url,
      this.headers,
      this.signal,
      this.body,
    ));
  }

  /** Not async, as each promise costs. `none`: what it gives without a body. */
  #read<T>(
    ofNative: (native: Request) => Promise<T>,
    ofOurs: (of: GatewayRequest) => Promise<T>,
    none?: T,
  ): Promise<T> {
    if (this.#native !== undefined) return ofNative(this.#native);
    if (this.#used || this.#body?.locked)
      return Promise.reject(
        new TypeError("Body is unusable: Body has already been read"),
      );
    if (none !== undefined && !hasBody(this.#of)) return Promise.resolve(none);
    if (this.#body !== undefined) return ofNative(this.native);
    this.#used = true;
    return ofOurs(this.#of);
  }
}

standsFor(
  LightRequest.prototype as unknown as StandIn<Request>,
  NativeRequest,
  new NativeRequest("http://localhost/"),
  [
    "cache",
    "credentials",
    "destination",
    "integrity",
    "isHistoryNavigation",
    "isReloadNavigation",
    "keepalive",
    "mode",
    "redirect",
    "referrer",
    "referrerPolicy",
  ] as (keyof Request)[],
);
Object.defineProperty(LightRequest, "name", { value: "Request" });

/** A real one, made at once: where Node could not read a light one. */
export function plainRequest(of: GatewayRequest, url: string): Request {
  const signal = abortSignal(of.signal);
  const body = hasBody(of) ? streamOf(of) : null;
  return nativeRequest(of, url, [...of.headers], signal, body);
}

function nativeRequest(
  { method }: GatewayRequest,
  url: string,
  headers: HeadersInit,
  signal: AbortSignal,
  body: ReadableStream<Uint8Array> | null,
): Request {
  const init = { method, headers, signal, body, duplex: "half" };
  return new NativeRequest(url, init as RequestInit);
}

/** A `Request` of these methods has no body (Fetch, "new Request"), whatever the client has sent. */
function hasBody({ method, hasBody }: GatewayRequest): boolean {
  return hasBody && method !== "GET" && method !== "HEAD";
}

/** Fires with eddy's signal, and with the reason that applications for the platform look for. */
function abortSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(abortError(signal.reason));
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return controller.signal;
}

/** `cause` says more: `ClientAbortedError`, `RequestTimeoutError`, … */
function abortError(cause: unknown): DOMException {
  const { message } = cause as Error;
  const options = { name: "AbortError", cause };
  return new DOMException(message, options as unknown as string);
}

/** Its chunks come as they are asked for. `tell`: somebody has. */
function streamOf(
  of: GatewayRequest,
  tell: () => void = () => {},
): ReadableStream<Uint8Array> {
  let chunks: AsyncIterator<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        tell();
        chunks ??= of.body[Symbol.asyncIterator]();
        try {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          throw answering(error);
        }
      },
      async cancel() {
        tell();
        await chunks?.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

const UTF8 = new TextDecoder();

/** "UTF-8 decode" of the platform: without a byte order mark. */
const decoded = (bytes: Uint8Array): string => UTF8.decode(bytes);

/**
 * The same error, for frameworks that ask one for its answer, as Hono does: what the gateway itself would say to it.
 */
function answering(error: unknown): unknown {
  if (error instanceof GatewayError && !("getResponse" in error))
    Object.defineProperty(error, "getResponse", {
      value: () => answerTo(error),
    });
  return error;
}

function refuse(error: unknown): never {
  throw answering(error);
}

function answerTo(error: GatewayError): Response {
  const { status, clientMessage, closesConnection } = error;
  const headers = new Headers(error.headers);
  if (closesConnection) headers.set("connection", "close");
  const text = clientMessage ?? "something went wrong here";
  return new NativeResponse(`${text}\n`, { status, headers });
}
