/** Conditional requests (RFC 9110, section 13). */
import { httpTime, isListed, type RequestHeaders } from "../../lib/adapter.ts";

/** What a client may have of a file, as it names it. */
export interface Validators {
  /** A weak one: time and size do not prove that each byte is the same. */
  readonly etag: string;
  /** Milliseconds; what Last-Modified says, so of a whole second. */
  readonly lastModified: number;
}

/**
 * Whether a request sets a condition, or asks for a part: most do not. Names are in lower case, so a look at each is
 * enough.
 */
export function isConditional({ raw }: RequestHeaders): boolean {
  for (let i = 0; i < raw.length; i += 2)
    if (raw[i] === "range" || raw[i]!.startsWith("if-")) return true;
  return false;
}

/**
 * `failed`: 412. `unchanged`: the client has it, 304. In the order of section 13.2.2: what is said of tags goes before
 * what is said of times.
 */
export function preconditions(
  headers: RequestHeaders,
  { etag, lastModified }: Validators,
): "failed" | "unchanged" | undefined {
  const match = headers.get("if-match");
  if (match !== undefined) {
    if (match.trim() !== "*") return "failed"; // section 13.1.1: weak tags are never the same in this comparison
  } else if (
    lastModified > httpTime(headers.get("if-unmodified-since"), Infinity)
  )
    return "failed";
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== undefined)
    return isListed(noneMatch, etag) ? "unchanged" : undefined;
  const since = httpTime(headers.get("if-modified-since"), -Infinity);
  return lastModified <= since ? "unchanged" : undefined;
}

/** Whether the client's part is one of this file: section 13.1.5, for which a weak tag proves nothing. */
export function isSameFile(
  headers: RequestHeaders,
  { lastModified }: Validators,
): boolean {
  const condition = headers.get("if-range");
  return condition === undefined || httpTime(condition, NaN) === lastModified;
}
