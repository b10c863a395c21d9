/** A `Response` that knows what it was made of. */
import {
  AS_REPLY,
  CheckedHeaders,
  fromWeb,
  ownFields,
  reasonOf,
  TOKEN,
  type GatewayResponse,
  type WebResponse,
} from "../../lib/adapter.ts";
import {
  NativeHeaders,
  NativeResponse,
  standsFor,
  type StandIn,
} from "./platform.ts";

const TEXT = "text/plain;charset=UTF-8";
const FORM = "application/x-www-form-urlencoded;charset=UTF-8";
const JSON_TYPE = "application/json";

const PLAIN_VALUE = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/;
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A body whose length is known. */
type Known = string | Uint8Array | null;
type Field = readonly [name: string, value: string];

/**
 * A `Response` of a text, of bytes or of nothing is kept as that, which takes a tenth of the time of a real one, and is
 * sent whole, with its length. Anything else is a real one at once; so becomes this one when somebody wants its body.
 */
export class LightResponse implements StandIn<Response> {
  readonly #body: Known;
  readonly #status: number;
  readonly #statusText: string;
  /** As given, until somebody asks for them. */
  #fields: readonly Field[];
  #headers: Headers | undefined;
  #native: Response | undefined;

  constructor(body?: BodyInit | null, init?: ResponseInit) {
    const known = knownOf(body);
    const type = typeOf(body);
    this.#fields = [];
    if (init === undefined || init === null) {
      this.#status = 200;
      this.#statusText = "";
    } else {
      this.#status = checkStatus(init.status, body ?? null);
      this.#statusText = checkReason(init.statusText);
      if (init.headers !== undefined) this.#take(init.headers);
    }
    this.#body = known ?? null;
    if (known === undefined) {
      this.#native = this.#made(body!);
    } else if (type !== undefined && !this.#hasType) {
      // A text has its type by itself, as long as nobody looks.
      if (type !== TEXT || this.#headers !== undefined) this.#set(type);
    }
  }

  static is(value: unknown): value is LightResponse {
    return typeof value === "object" && value !== null && #body in value;
  }

  static json(data: unknown, init?: ResponseInit): LightResponse {
    const body = JSON.stringify(data) as string | undefined;
    if (body === undefined)
      throw new TypeError("The data is not JSON serializable");
    const headers =
      init?.headers === undefined
        ? { "content-type": JSON_TYPE }
        : new NativeHeaders(init.headers);
    if (headers instanceof NativeHeaders && !headers.has("content-type"))
      headers.set("content-type", JSON_TYPE);
    const { status = 200, statusText = "" } = init ?? {};
    return new LightResponse(body, { status, statusText, headers });
  }

  static redirect(url: string | URL, status = 302): LightResponse {
    if (![301, 302, 303, 307, 308].includes(status))
      throw new RangeError(`Invalid status code ${status}`);
    const headers = { location: new URL(url).href };
    return new LightResponse(null, { status, headers });
  }

  static error(): Response {
    return NativeResponse.error();
  }

  get status(): number {
    return this.#status;
  }

  get statusText(): string {
    return this.#statusText;
  }

  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  get headers(): Headers {
    if (this.#headers !== undefined) return this.#headers;
    this.#headers = new NativeHeaders(asPairs(this.#fields));
    if (typeof this.#body === "string" && !this.#headers.has("content-type"))
      this.#headers.set("content-type", TEXT);
    return this.#headers;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#native === undefined && this.#body === null
      ? null
      : this.native.body;
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? false;
  }

  get native(): Response {
    if (this.#native !== undefined) return this.#native;
    const hasType = this.headers.has("content-type");
    this.#native = this.#made(this.#body);
    if (!hasType) this.#native.headers.delete("content-type"); // as somebody has done before
    return this.#native;
  }

  #made(body: BodyInit | Known): Response {
    const native = new NativeResponse(body as BodyInit, {
      status: this.#status,
      statusText: this.#statusText,
      headers: this.#headers ?? asPairs(this.#fields),
    });
    this.#headers = native.headers;
    return native;
  }

  /** What is known stays known: nobody needs a stream of it. */
  clone(): Response {
    if (this.#native !== undefined) return this.#native.clone();
    const copy = new LightResponse(this.#body as BodyInit, {
      status: this.#status,
      statusText: this.#statusText,
    });
    if (this.#headers === undefined) copy.#fields = [...this.#fields];
    else copy.#headers = new NativeHeaders(this.#headers);
    return copy as unknown as Response;
  }

  /** For whoever sends it. */
  [AS_REPLY](): GatewayResponse {
    if (this.#native !== undefined) return fromWeb(this.#native as WebResponse);
    return {
      status: this.#status,
      statusText: reasonOf(this.#statusText),
      headers: this.#checked(),
      body: this.#body,
    };
  }

  /** Its text, if that is all there is to say: the cheapest reply there is. */
  static textOf(response: LightResponse): string | undefined {
    return typeof response.#body === "string" &&
      response.#status === 200 &&
      response.#fields.length === 0 &&
      response.#headers === undefined &&
      response.#statusText === ""
      ? response.#body
      : undefined;
  }

  /** Bytes get no type that the application has not given; a text has its own from its reply. */
  #checked(): CheckedHeaders {
    const fields = this.#headers ? [...this.#headers] : this.#fields;
    const headers = new CheckedHeaders(ownFields(fields));
    headers.hasContentType ||=
      typeof this.#body !== "string" || this.#headers !== undefined;
    return headers;
  }

  get #hasType(): boolean {
    return this.#headers === undefined
      ? this.#fields.some(([name]) => name === "content-type")
      : this.#headers.has("content-type");
  }

  #set(type: string): void {
    if (this.#headers === undefined)
      this.#fields = [...this.#fields, ["content-type", type]];
    else this.#headers.set("content-type", type);
  }

  #take(headers: HeadersInit): void {
    if (Symbol.iterator in headers) this.#headers = new NativeHeaders(headers);
    else {
      const fields = plainFields(headers);
      if (fields === undefined) this.#headers = new NativeHeaders(headers);
      else this.#fields = fields;
    }
  }
}

standsFor(
  LightResponse.prototype as unknown as StandIn<Response>,
  NativeResponse,
  new NativeResponse(),
  [
    "type",
    "url",
    "redirected",
    "text",
    "json",
    "arrayBuffer",
    "bytes",
    "blob",
    "formData",
  ] as (keyof Response)[],
);
Object.setPrototypeOf(LightResponse, NativeResponse);
Object.defineProperties(LightResponse, {
  name: { value: "Response" },
  /** What Node itself makes is one as well, as of `fetch()`; a subclass has its own instances alone. */
  [Symbol.hasInstance]: {
    value(this: unknown, value: unknown): boolean {
      const native = this === LightResponse ? NativeResponse : this;
      return Function.prototype[Symbol.hasInstance].call(native, value);
    },
  },
});

const NULL_BODY = new Set([204, 205, 304]);

function checkStatus(given: number | undefined, body: unknown): number {
  const status = given === undefined ? 200 : Math.trunc(Number(given));
  if (!(status >= 200 && status <= 599))
    throw new RangeError(
      'init["status"] must be in the range of 200 to 599, inclusive.',
    );
  if (body !== null && NULL_BODY.has(status))
    throw new TypeError(
      `Response constructor: Invalid response status code ${status}`,
    );
  return status;
}

function checkReason(given: string | undefined): string {
  const text = given === undefined ? "" : `${given}`;
  if (!REASON.test(text)) throw new TypeError("Invalid statusText");
  return text;
}

/** Undefined: that is for a real one to say. */
function knownOf(body: unknown): Known | undefined {
  if (typeof body === "string") return body;
  if (body === null || body === undefined) return null;
  if (body instanceof Uint8Array) return body;
  if (ArrayBuffer.isView(body))
    return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (body instanceof URLSearchParams) return body.toString();
  return undefined;
}

function typeOf(body: unknown): string | undefined {
  if (typeof body === "string") return TEXT;
  return body instanceof URLSearchParams ? FORM : undefined;
}

/** Undefined: something about them needs a closer look. */
function plainFields(headers: Record<string, string>): Field[] | undefined {
  const fields: Field[] = [];
  for (const name of Object.keys(headers)) {
    const value: unknown = headers[name];
    if (typeof value !== "string" || !PLAIN_VALUE.test(value)) return undefined;
    if (!TOKEN.test(name)) return undefined;
    fields.push([name.toLowerCase(), value]);
  }
  return fields;
}

const asPairs = (fields: readonly Field[]): [string, string][] =>
  fields as [string, string][];
