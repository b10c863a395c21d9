/** The head of a reply: status line and header fields, checked. */
import { STATUS_CODES } from "node:http";
import { InvalidReplyError } from "../common/errors.ts";
import type { ReplyHead } from "../engine/engine.ts";
import { CheckedHeaders } from "./headers.ts";
import type { GatewayResponse } from "./types.ts";

export const TEXT = "text/plain; charset=utf-8";
const BYTES = "application/octet-stream";

/** The head of a reply, with a content-type where the body shows one. @throws {InvalidReplyError} */
export function headOf(response: GatewayResponse): ReplyHead {
  const { status = 200, statusText, headers, body } = response;
  const checked =
    headers instanceof CheckedHeaders ? headers : new CheckedHeaders(headers);
  const { fields, contentLength, close } = checked;
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

/** RFC 9112, section 4: `reason-phrase` without control characters; an unknown code has none of its own. */
function statusLine(
  status: number,
  reason: string = STATUS_CODES[status] ?? "Unknown",
): string {
  if (status === 200 && reason === "OK") return "200 OK";
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new InvalidReplyError(
      `${typeof status === "number" ? status : JSON.stringify(status)} is not a valid status; a reply has one from 200 to 599`,
    );
  if (!/^[\t\x20-\x7e]*$/.test(reason))
    throw new InvalidReplyError(
      `${JSON.stringify(reason)} is not a valid reason phrase`,
    );
  return `${status} ${reason}`;
}
