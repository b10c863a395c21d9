/** `start_response` and what it collects (PEP 3333, "The start_response() Callable"). */
import { inspect } from "node:util";
import {
  CheckedHeaders,
  HOP_BY_HOP,
  REASONS,
  WsgiError,
  type Chunk,
  type InvalidReplyError,
} from "../../lib/adapter.ts";
import type { StartResponse, Write } from "./types.ts";

/**
 * Header fields that applications must not set: connections are managed by the gateway (PEP 3333, "Other HTTP
 * Features"). RFC 2616 and Python's wsgiref spell `Trailer` as `Trailers`, too.
 */
export const NOT_FOR_APPLICATIONS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "trailers",
]);

/** Nothing called yet; status and headers known; the first chunk is on its way, so they are final. */
type State = "waiting" | "started" | "begun";

/** A reply whose status and headers are final and checked. */
export interface StartedReply {
  readonly status: number;
  /** Missing where it is the standard one. */
  readonly statusText: string | undefined;
  readonly headers: CheckedHeaders;
  /** One chunk, or what iterates over many. */
  readonly body: Chunk | Iterable<Chunk>;
}

export class StartedResponse {
  /** What was given to `write()` and not sent yet. */
  readonly written: Chunk[] = [];
  #state: State = "waiting";
  #status: Status = { status: 200 };
  #headers: CheckedHeaders | undefined;

  /** The function that the application gets. */
  readonly start: StartResponse = (status, headers, excInfo) => {
    if (this.#state === "begun" && excInfo !== undefined && excInfo !== null)
      throw excInfo;
    if (
      this.#state !== "waiting" &&
      (excInfo === undefined || excInfo === null)
    )
      throw new WsgiError(
        "the application called startResponse a second time without excInfo",
      );
    const parsed = parseStatus(status);
    this.#headers = checkHeaders(headers);
    this.#status = parsed; // only now: what is refused changes nothing
    if (this.written.length > 0) this.written.length = 0; // not sent yet: replaced, too
    this.#state = "started";
    return this.#write;
  };

  /**
   * Makes the reply of one chunk, or of what iterates and is at its first chunk. From now on status and headers are
   * final.
   */
  reply(body: Chunk | Iterable<Chunk>): StartedReply {
    if (this.#headers === undefined)
      throw new WsgiError(
        "the application returned without a call to startResponse",
      );
    this.#state = "begun";
    const { status, statusText } = this.#status;
    return { status, statusText, headers: this.#headers, body };
  }

  readonly #write: Write = (chunk) => {
    if (checkedChunk(chunk).length > 0) this.written.push(chunk);
  };
}

export function checkedChunk(chunk: unknown): Chunk {
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array))
    throw new WsgiError(
      `the application produced a chunk that is neither string nor bytes: ${inspect(chunk)}`,
    );
  return chunk;
}

interface Status {
  status: number;
  /** Missing where it is the standard one. */
  statusText?: string;
}

/** The standard statuses, as they stand in nearly every reply. */
const STANDARD = new Map<string, Status>(
  Object.entries(REASONS)
    .filter(([code]) => Number(code) >= 200)
    .map(([code, reason]) => [`${code} ${reason}`, { status: Number(code) }]),
);

/** `"200 OK"`: three digits, a space, a reason. */
function parseStatus(line: string): Status {
  const standard = STANDARD.get(line);
  if (standard !== undefined) return standard;
  if (typeof line !== "string" || !/^[2-5]\d\d [\t\x20-\x7e]+$/.test(line))
    throw new WsgiError(`status ${inspect(line)} is not of the form "200 OK"`);
  return { status: Number(line.slice(0, 3)), statusText: line.slice(4) };
}

/** Here, and not when the reply is sent: the application can still handle its mistake. */
function checkHeaders(headers: [string, string][]): CheckedHeaders {
  if (!Array.isArray(headers))
    throw new WsgiError("the headers given to startResponse are not an array");
  for (const header of headers) checkPair(header);
  try {
    return new CheckedHeaders(headers, NOT_FOR_APPLICATIONS).asTheyAre();
  } catch (cause) {
    throw new WsgiError((cause as InvalidReplyError).message, { cause });
  }
}

function checkPair(header: [string, string]): void {
  if (
    !Array.isArray(header) ||
    header.length !== 2 ||
    typeof header[0] !== "string" ||
    typeof header[1] !== "string"
  )
    throw new WsgiError(
      `header ${inspect(header)} is not a [name, value] pair of strings`,
    );
}
