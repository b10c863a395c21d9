/** Replies: the helpers that make them, and what each kind means on the wire. */
import { InvalidReplyError } from "../common/errors.ts";
import { CheckedHeaders, pairs } from "./headers.ts";
import { statusLine, type Head } from "../engine/uws/outlet.ts";
import { isStreamable } from "./source.ts";
import type {
  GatewayResponse,
  Reply,
  ReplyBody,
  ReplyHeaders,
} from "./types.ts";

/** What a helper takes beside the body. */
export interface ReplyInit {
  status?: number;
  headers?: ReplyHeaders;
}

export const TEXT = "text/plain; charset=utf-8";
const HTML = "text/html; charset=utf-8";
const JSON_TYPE = "application/json";
const BYTES = "application/octet-stream";

/** A reply of plain text. A `content-type` among the headers replaces the default; so it does for the other helpers. */
export function text(body: string, init?: ReplyInit): GatewayResponse {
  return typed(body, TEXT, init);
}

/** A reply of HTML, sent as it is: escape what came from outside. */
export function html(body: string, init?: ReplyInit): GatewayResponse {
  return typed(body, HTML, init);
}

/**
 * A reply of JSON.
 *
 * @throws {InvalidReplyError} when `data` has no JSON form: a cycle, a bigint, `undefined`.
 *
 * @example
 * ```ts
 * import { json, Loop } from "eddy";
 *
 * await new Loop().get("/users/:id", ({ params }) => json({ id: params.id }, { status: 200 })).listen(8000);
 * ```
 */
export function json(data: unknown, init?: ReplyInit): GatewayResponse {
  return typed(stringify(data), JSON_TYPE, init);
}

/**
 * Sends the client elsewhere: 302, or the `status` given (303 after a POST, 301 and 308 for good). `location` is sent as
 * an ASCII URL; other characters are percent-encoded.
 */
export function redirect(
  location: string,
  status: 301 | 302 | 303 | 307 | 308 = 302,
): GatewayResponse {
  return {
    status,
    headers: {
      location: encodeRest(location),
    },
    body: "",
  };
}

/**
 * A reply whose body comes in pieces: from an iterable, an async iterable, a `ReadableStream`, or a function that
 * writes. The client sets the pace; when it goes away the source is ended (`return()`, `cancel()`, halt). Without a
 * `content-length` the body is chunked.
 *
 * @example
 * ```ts
 * import { Loop, stream } from "eddy";
 * import { sleep } from "effection";
 *
 * await new Loop()
 *   .get("/clock", () =>
 *     stream(function* (out) {
 *       for (;;) {
 *         yield* out.write(`${new Date().toISOString()}\n`);
 *         yield* sleep(1000);
 *       }
 *     }),
 *   )
 *   .listen(8000);
 * ```
 */
export function stream(
  body: Exclude<ReplyBody, string | null | undefined>,
  init?: ReplyInit,
): GatewayResponse {
  return { ...init, body };
}

function typed(
  body: string,
  type: string,
  init: ReplyInit | undefined,
): GatewayResponse {
  if (init?.headers === undefined)
    return { status: init?.status, headers: { "content-type": type }, body };
  if (init.headers instanceof CheckedHeaders)
    return { status: init.status, headers: init.headers.typed(type), body };
  const fields = [...pairs(init.headers)];
  if (!fields.some(([name]) => name.toLowerCase() === "content-type"))
    fields.push(["content-type", type]);
  return { status: init.status, headers: fields, body };
}

/** What may not stand in a URL, a line break before all; escapes and all that has a meaning in a URL stay. */
function encodeRest(location: string): string {
  return location
    .toWellFormed()
    .replace(/[^\x21-\x7e]+|["<>\\^`{|}]/gu, encodeURIComponent);
}

function stringify(data: unknown): string {
  let body: string | undefined;
  try {
    body = JSON.stringify(data);
  } catch (cause) {
    throw new InvalidReplyError("the data given to json() has no JSON form", {
      cause,
    });
  }
  if (body === undefined)
    throw new InvalidReplyError(
      `${typeof data} given to json() has no JSON form`,
    );
  return body;
}

/**
 * Any reply as plain data.
 *
 * @throws {InvalidReplyError} for a value that is no reply; the message says what to wrap it in.
 */
export function toResponse(reply: Reply): GatewayResponse {
  if (typeof reply === "string" || reply instanceof Uint8Array)
    return { body: reply };
  if (reply === null || reply === undefined) return { status: 204 };
  if (typeof reply === "object") {
    if (isPlain(reply)) return checkKeys(reply);
    if ((reply as unknown) instanceof Response)
      return fromWeb(reply as Response);
  }
  throw new InvalidReplyError(`a handler returned ${nameOf(reply)}; ${ADVICE}`);
}

function nameOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  if (isStreamable(value)) return "an iterable";
  return `an object of class ${value.constructor.name}`;
}

function checkKeys(reply: GatewayResponse): GatewayResponse {
  for (const key in reply)
    if (!KEYS.has(key))
      throw new InvalidReplyError(
        `a handler returned an object with "${key}"; ${ADVICE}`,
      );
  return reply;
}

/** Data, and no operation that was written as an object. */
function isPlain(value: object): value is GatewayResponse {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === Object.prototype || prototype === null) &&
    !(Symbol.iterator in value)
  );
}

const KEYS = new Set(["status", "statusText", "headers", "body"]);
const ADVICE =
  "a reply is a string, bytes, a Response, { status, headers, body } or what json() and stream() make";

/** What belongs to the connection that a fetched response came by; `fetch` has decoded its body. */
const OF_THE_OTHER_SIDE = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "keep-alive",
  "transfer-encoding",
]);

/** `Headers` lists every `set-cookie` on its own. A response that was made here has no URL. */
function fromWeb({
  status,
  statusText,
  headers,
  body,
  bodyUsed,
  url,
}: Response): GatewayResponse {
  if (bodyUsed)
    throw new InvalidReplyError(
      "the body of this Response was read already, or sent; return a new one each time, or its clone()",
    );
  const fields =
    url === ""
      ? headers
      : [...headers].filter(([name]) => !OF_THE_OTHER_SIDE.has(name));
  return { status, statusText: statusText || undefined, headers: fields, body };
}

/** The checked head of a reply, with a content-type where the body shows one. */
export function headOf(response: GatewayResponse): Head {
  const { status = 200, statusText, headers, body } = response;
  const checked =
    headers instanceof CheckedHeaders ? headers : new CheckedHeaders(headers);
  const type = checked.hasContentType ? undefined : typeOf(body);
  const { fields, contentLength, close } = checked;
  return {
    status,
    statusLine: statusLine(status, statusText),
    fields:
      type === undefined || forbidsBody(status)
        ? fields
        : [...fields, "content-type", type],
    contentLength,
    close,
  };
}

function typeOf(body: GatewayResponse["body"]): string | undefined {
  if (typeof body === "string") return body === "" ? undefined : TEXT;
  return body instanceof Uint8Array ? BYTES : undefined;
}

/** RFC 9110, sections 15.3.5 and 15.4.5: these never have a body. */
export function forbidsBody(status: number): boolean {
  return status === 204 || status === 304;
}
