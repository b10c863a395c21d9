/** `start_response` and what it collects (PEP 3333, "The start_response() Callable"). */
import { STATUS_CODES } from "node:http";
import { inspect } from "node:util";
import {
  CheckedHeaders,
  WsgiError,
  type Chunk,
  type GatewayResponse,
  type InvalidReplyError,
} from "../../lib/adapter.ts";
import type { StartResponse, Write } from "./types.ts";

/** Connection management is the gateway's (PEP 3333, "Other HTTP Features"; RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "trailers",
  "transfer-encoding",
  "upgrade",
]);

/** Nothing called yet; status and headers known; the first chunk is on its way, so they are final. */
type State = "waiting" | "started" | "begun";

export class StartedResponse {
  /** What was given to `write()` and not sent yet. */
  readonly written: Chunk[] = [];
  #state: State = "waiting";
  #status = "";
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
    checkStatus(status);
    this.#headers = checkHeaders(headers);
    this.#status = status; // only now: what is refused changes nothing
    if (this.written.length > 0) this.written.length = 0; // not sent yet: replaced, too
    this.#state = "started";
    return this.#write;
  };

  /** The reply: its body is one chunk, or iterates and is at its first chunk. From now on status and headers are final. */
  reply(body: Chunk | Iterable<Chunk>): GatewayResponse {
    if (this.#state === "waiting")
      throw new WsgiError(
        "the application returned without a call to startResponse",
      );
    this.#state = "begun";
    return {
      status: Number(this.#status.slice(0, 3)),
      statusText: this.#status.slice(4),
      headers: this.#headers,
      body,
    };
  }

  readonly #write: Write = (chunk) => {
    if (checkChunk(chunk).length > 0) this.written.push(chunk);
  };
}

export function checkChunk(chunk: unknown): Chunk {
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array))
    throw new WsgiError(
      `the application produced a chunk that is neither string nor bytes: ${inspect(chunk)}`,
    );
  return chunk;
}

/** `"200 OK"`: three digits, a space, a reason. The standard reasons need no closer look. */
function checkStatus(status: string): void {
  const valid =
    typeof status === "string" &&
    (STATUS_CODES[status.slice(0, 3)] === status.slice(4)
      ? status[3] === " " && status >= "2"
      : /^[2-5]\d\d [\t\x20-\x7e]+$/.test(status));
  if (!valid)
    throw new WsgiError(
      `status ${inspect(status)} is not of the form "200 OK"`,
    );
}

/** Here, and not when the reply is sent: the application can still handle its mistake. */
function checkHeaders(headers: [string, string][]): CheckedHeaders {
  if (!Array.isArray(headers))
    throw new WsgiError("the headers given to startResponse are no array");
  for (const header of headers) checkPair(header);
  try {
    return new CheckedHeaders(headers);
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
      `header ${inspect(header)} is no [name, value] pair of strings`,
    );
  if (HOP_BY_HOP.has(header[0].toLowerCase()))
    throw new WsgiError(
      `header ${header[0]} is the gateway's, not the application's`,
    );
}
