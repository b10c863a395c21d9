/**
 * A web `Response` as a reply: Node's own, one of another package or realm, or one that still knows what it is made of.
 */
import { InvalidReplyError } from "../common/errors.ts";
import { CLOSE_OPTION, endToEnd, HOP_BY_HOP } from "../common/fields.ts";
import type { GatewayResponse } from "./types.ts";

/** A `Response` with this method makes a reply of itself; others are read by their public members. */
export const AS_REPLY = Symbol.for("eddy:as reply"); // of another copy of eddy, too

/** What all of them have. Ponyfills' headers may list no `set-cookie` on its own, but have `raw()`. */
export interface WebResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: WebHeaders;
  readonly body: GatewayResponse["body"];
  readonly bodyUsed: boolean;
  /** Of one that was fetched. */
  readonly url?: string;
  readonly [AS_REPLY]?: () => GatewayResponse;
}

interface WebHeaders extends Iterable<readonly [name: string, value: string]> {
  get(name: string): string | null;
  getSetCookie?(): string[];
  raw?(): Record<string, string[] | undefined>;
}

/** By its shape: a class of another package, or of another realm, is not the one that is global here. */
export function isWebResponse(value: unknown): value is WebResponse {
  if (typeof value !== "object" || value === null) return false;
  if (AS_REPLY in value || value instanceof Response) return true;
  const { status, bodyUsed, headers } = value as Partial<WebResponse>;
  return (
    typeof status === "number" &&
    typeof bodyUsed === "boolean" &&
    typeof headers?.get === "function" &&
    Symbol.iterator in headers
  );
}

/** @throws {InvalidReplyError} when its body was read already. */
export function fromWeb(response: WebResponse): GatewayResponse {
  if (AS_REPLY in response) return response[AS_REPLY]!();
  const { status, statusText, body, bodyUsed, url } = response;
  if (bodyUsed)
    throw new InvalidReplyError(
      "the body of this Response was read already, or sent; return a new one each time, or its clone()",
    );
  const fields = fieldsOf(response.headers);
  return {
    status,
    statusText: reasonOf(statusText),
    headers: ownFields(
      url ? decoded(fields) : unlessCopied(fields, body),
      !url,
    ),
    body,
  };
}

/** A reason phrase that HTTP/1.1 clients can read in one way; others are not sent, as nobody acts on them. */
export function reasonOf(statusText: string): string | undefined {
  return /^[\t\x20-\x7e]+$/.test(statusText) ? statusText : undefined;
}

type Field = readonly [name: string, value: string];

/** Every `set-cookie` on its own, as they cannot be joined. */
function fieldsOf(headers: WebHeaders): Field[] {
  const cookies = headers.getSetCookie?.() ?? headers.raw?.()["set-cookie"];
  if (cookies === undefined || cookies.length < 2) return [...headers];
  const others = [...headers].filter(([name]) => name !== "set-cookie");
  return [...others, ...cookies.map((it) => ["set-cookie", it] as const)];
}

/**
 * What `fetch` decodes; a body in one other coding it leaves as it is. By undici's version, as nothing else says it.
 */
const DECODED = new Set(["gzip", "x-gzip", "deflate", "br"]);
const [major = 0, minor = 0] = (process.versions["undici"] ?? "")
  .split(".")
  .map(Number);
if (major > 7 || (major === 7 && minor >= 11)) DECODED.add("zstd");

/** `fetch` has decoded the body, and its length is another one then. */
function decoded(fields: Field[]): Field[] {
  const codings = fields.find(([name]) => name === "content-encoding")?.[1];
  if (codings === undefined) return fields;
  if (!codings.split(",").every((it) => DECODED.has(it.trim().toLowerCase())))
    return fields;
  return fields.filter(
    ([name]) => name !== "content-encoding" && name !== "content-length",
  );
}

/**
 * `new Response(fetched.body, fetched)` says nothing of where it comes from. A stream with a coding and a length may be
 * that: the length may be wrong, and is not needed.
 */
function unlessCopied(fields: Field[], body: WebResponse["body"]): Field[] {
  const isStream = typeof body === "object" && body !== null;
  if (!isStream || !fields.some(([name]) => name === "content-encoding"))
    return fields;
  return fields.filter(([name]) => name !== "content-length");
}

/**
 * Without the fields that belong to a connection: not to this one. The wish to close it is kept, where it is the
 * application's own.
 */
export function ownFields(
  fields: readonly Field[],
  mayClose = true,
): readonly Field[] {
  if (!fields.some(([name]) => HOP_BY_HOP.has(name.toLowerCase())))
    return fields;
  const kept = endToEnd(fields.flat());
  const own: Field[] = [];
  for (let i = 0; i < kept.length; i += 2) own.push([kept[i]!, kept[i + 1]!]);
  const closes = fields.some(
    ([name, value]) => /^connection$/i.test(name) && CLOSE_OPTION.test(value),
  );
  if (closes && mayClose) own.push(["connection", "close"]);
  return own;
}
