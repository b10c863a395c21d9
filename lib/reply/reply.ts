/** Replies: the helpers that make them, and what each kind means on the wire. */
import type { AsyncContext } from "../common/async-context.ts";
import { InvalidReplyError } from "../common/errors.ts";
import { contextOf, madeHere } from "./bind-context.ts";
import { CheckedHeaders, pairs, type PlainHeaders } from "./headers.ts";
import type { Chunk, ReplyHead } from "../engine/engine.ts";
import { headOf, TEXT } from "./head.ts";
import {
  dropAll,
  isPlain,
  isStreamable,
  type CleanupObserver,
  type Streamable,
} from "./source.ts";
import type {
  GatewayResponse,
  Reply,
  ReplyBody,
  ReplyHeaders,
  StreamWriter,
} from "./types.ts";
import { fromWeb, isWebResponse } from "./web.ts";

/** What a helper takes beside the body. */
export interface ReplyInit {
  status?: number;
  headers?: ReplyHeaders;
  /** See {@link GatewayResponse}. */
  trailers?: () => PlainHeaders;
}

const HTML = "text/html; charset=utf-8";
const JSON_TYPE = "application/json";

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
 * Sends the client elsewhere: 302, or the `status` given (303 after a POST, 301 and 308 for good). `location` is sent
 * as an ASCII URL; other characters are percent-encoded.
 */
export function redirect(
  location: string | URL,
  status: 301 | 302 | 303 | 307 | 308 = 302,
): GatewayResponse {
  return {
    status,
    headers: {
      location: encodeRest(textOf(location)),
    },
    body: "",
  };
}

/**
 * A reply whose body comes in pieces: from an iterable, an async iterable, a `ReadableStream`, or a function that
 * writes. The client sets the pace; when it goes away the source is ended (`return()`, `cancel()`, halt). Without a
 * `content-length` the body is chunked; `trailers` gives fields that follow it. `null` is an empty body: that of a web
 * `Response` without one. The source sees the `AsyncLocalStorage` stores of whoever called this.
 *
 * @example
 * ```ts
 * import { Loop, stream } from "eddy";
 * import { sleep } from "eddy/operations";
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
  body: Exclude<ReplyBody, string | undefined>,
  init?: ReplyInit,
): GatewayResponse {
  return madeHere({ status: undefined, ...init, body }); // the spread is not first: see there
}

function typed(
  body: string,
  type: string,
  init: ReplyInit | undefined,
): GatewayResponse {
  if (init === undefined)
    return { status: undefined, headers: { "content-type": type }, body };
  const { status, headers, trailers } = init;
  return { status, headers: typedHeaders(type, headers), body, trailers };
}

function typedHeaders(
  type: string,
  headers: ReplyHeaders | undefined,
): ReplyHeaders {
  if (headers === undefined) return { "content-type": type };
  if (headers instanceof CheckedHeaders) return headers.typed(type);
  const fields = [...pairs(headers)];
  if (!fields.some(([name]) => name.toLowerCase() === "content-type"))
    fields.push(["content-type", type]);
  return fields;
}

function textOf(location: unknown): string {
  if (typeof location === "string") return location;
  if (location instanceof URL) return location.href;
  throw new InvalidReplyError(
    `redirect() takes a string or a URL, not ${location === null ? "null" : `a value of type ${typeof location}`}`,
  );
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

/** A reply as it is delivered: its head, checked, and its body by kind. */
export type PreparedReply =
  | {
      readonly head: ReplyHead;
      readonly kind: "whole";
      readonly body: Chunk;
      /** There is none, not even an empty one. */
      readonly isAbsent?: true;
    }
  | {
      readonly head: ReplyHead;
      readonly kind: "stream";
      readonly body: Streamable;
      readonly context: AsyncContext;
    }
  | {
      readonly head: ReplyHead;
      readonly kind: "writer";
      readonly body: StreamWriter;
      readonly context: AsyncContext;
    };

/**
 * Any reply, ready to be delivered. What could be read of one that is none is ended; `observer` is told if that fails.
 *
 * @throws {InvalidReplyError} for a value that is not a reply; the message says what to wrap it in.
 */
export function prepare(
  reply: Reply,
  observer: CleanupObserver,
): PreparedReply {
  try {
    return prepared(toResponse(reply));
  } catch (error) {
    dropAll(reply, observer);
    throw error;
  }
}

function prepared(response: GatewayResponse): PreparedReply {
  const { body } = response;
  const head = headOf(response);
  const isAbsent = body === null || body === undefined;
  if (isAbsent || typeof body === "string" || body instanceof Uint8Array) {
    if (head.trailers !== undefined)
      return prepared({ ...response, body: [body ?? ""] });
    return isAbsent
      ? { head, kind: "whole", body: "", isAbsent }
      : { head, kind: "whole", body };
  }
  const context = contextOf(response);
  if (typeof body === "function")
    return { head, kind: "writer", body, context };
  if (typeof body === "object" && isStreamable(body))
    return { head, kind: "stream", body, context };
  throw new InvalidReplyError(
    "a body is a string, bytes, an iterable, a ReadableStream or a function that writes",
  );
}

/** @throws {InvalidReplyError} */
export function toResponse(reply: Reply): GatewayResponse {
  if (typeof reply === "string" || reply instanceof Uint8Array)
    return { body: reply };
  if (reply === null || reply === undefined) return { status: 204 };
  if (typeof reply === "object") {
    if (isPlain(reply) && !(Symbol.iterator in reply))
      return checkKeys(reply as GatewayResponse);
    if (isWebResponse(reply)) return fromWeb(reply);
  }
  throw new InvalidReplyError(`a handler returned ${nameOf(reply)}; ${ADVICE}`);
}

function nameOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  const name = (value as Partial<object>).constructor?.name ?? "";
  const what =
    name === "" || name === "Object"
      ? "an object"
      : `an object of class ${name}`;
  return isStreamable(value) ? `${what}, which can be iterated` : what;
}

function checkKeys(reply: GatewayResponse): GatewayResponse {
  for (const key in reply)
    if (!isKey(key))
      throw new InvalidReplyError(
        `a handler returned an object with "${key}"; ${ADVICE}`,
      );
  return reply;
}

/** One after the other: to look in a set costs more. Hot path. */
const isKey = (key: string): boolean =>
  key === "status" ||
  key === "headers" ||
  key === "body" ||
  key === "statusText" ||
  key === "trailers";

const ADVICE =
  "a reply is a string, bytes, a Response, { status, headers, body } or what json() and stream() make";
