/** The head of a reply: status line and header fields, checked. */
import { REASONS } from "../common/reasons.ts";
import { InvalidReplyError } from "../common/errors.ts";
import { PLAIN_VALUE } from "../common/fields.ts";
import type { ReplyHead } from "../engine/engine.ts";
import { CheckedHeaders, checkedTrailers } from "./headers.ts";
import type { GatewayResponse } from "./types.ts";

export const TEXT = "text/plain; charset=utf-8";
export const BYTES = "application/octet-stream";

/** The head of a reply, with a content-type where the body shows one. @throws {InvalidReplyError} */
export function headOf(response: GatewayResponse): ReplyHead {
  const { status = 200, statusText, headers, body, trailers } = response;
  const checked =
    headers instanceof CheckedHeaders ? headers : new CheckedHeaders(headers);
  const { fields, contentLength, close, date } = checked;
  if (trailers !== undefined) checkTrailing(trailers, contentLength);
  const type = checked.hasContentType ? undefined : typeOf(body);
  return {
    status,
    statusLine: statusLine(status, statusText),
    fields:
      type === undefined || forbidsBody(status)
        ? fields
        : [...fields, "content-type", type],
    contentLength,
    close,
    date,
    trailers: trailers && (() => checkedTrailers(trailers())),
  };
}

function checkTrailing(trailers: unknown, length: number | undefined): void {
  if (typeof trailers !== "function")
    throw new InvalidReplyError(
      "trailers are a function that gives fields, when the body has been sent",
    );
  if (length !== undefined)
    throw new InvalidReplyError(
      "a reply with trailers is sent in chunks: leave content-length out",
    );
}

function typeOf(body: GatewayResponse["body"]): string | undefined {
  if (typeof body === "string") return body === "" ? undefined : TEXT;
  return body instanceof Uint8Array ? BYTES : undefined;
}

/** RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5: these never have a body. */
export function forbidsBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/**
 * RFC 9112, section 4: `reason-phrase` without control characters; an unknown code has none of its own. One beyond
 * ASCII is dropped, as nobody knows how it is encoded.
 */
function statusLine(
  status: number,
  reason: string = REASONS[status] ?? "Unknown",
): string {
  if (status === 200 && reason === "OK") return "200 OK";
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new InvalidReplyError(
      `${shown(status)} is not a valid status; a reply has one from 200 to 599`,
    );
  if (PLAIN_VALUE.test(reason)) return `${status} ${reason}`;
  if (CONTROL.test(reason))
    throw new InvalidReplyError(
      `${JSON.stringify(reason)} is not a valid reason phrase`,
    );
  return statusLine(status);
}

/** But for tab. */
const CONTROL = /[^\P{Cc}\t]/u;

function shown(status: unknown): string {
  if (typeof status === "bigint") return `${status}n`;
  return typeof status === "string" ? JSON.stringify(status) : String(status);
}
