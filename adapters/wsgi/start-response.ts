/** `start_response` and what it collects (PEP 3333, "The start_response() Callable"). */
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
  "transfer-encoding",
  "upgrade",
]);

/** Nothing called yet; status and headers known; the first chunk is on its way, so they are final. */
type State = "waiting" | "started" | "begun";

type Head = Omit<GatewayResponse, "body">;

export class StartedResponse {
  /** What was given to `write()` and not sent yet. */
  readonly written: Chunk[] = [];
  #state: State = "waiting";
  #head: Head | undefined;

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
    const head = { ...parseStatus(status), headers: checkHeaders(headers) };
    this.#head = head; // only now: what is refused changes nothing
    this.written.length = 0;
    this.#state = "started";
    return this.#write;
  };

  /** The reply: its body is one chunk, or iterates and is at its first chunk. From now on status and headers are final. */
  reply(body: Chunk | Iterable<Chunk>): GatewayResponse {
    if (this.#head === undefined)
      throw new WsgiError(
        "the application returned without a call to startResponse",
      );
    this.#state = "begun";
    return { ...this.#head, body };
  }

  readonly #write: Write = (chunk) => {
    if (checkChunk(chunk).length > 0) this.written.push(chunk);
  };
}

export function checkChunk(chunk: unknown): Chunk {
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array))
    throw new WsgiError(
      `the application produced a chunk that is neither string nor bytes: ${String(chunk)}`,
    );
  return chunk;
}

function parseStatus(status: string): { status: number; statusText: string } {
  if (typeof status !== "string" || !/^[2-5]\d\d [\t\x20-\x7e]+$/.test(status))
    throw new WsgiError(
      `status ${JSON.stringify(status)} is not of the form "200 OK"`,
    );
  return { status: Number(status.slice(0, 3)), statusText: status.slice(4) };
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
  const isPair = Array.isArray(header) && header.length === 2;
  if (!isPair || !header.every((part) => typeof part === "string"))
    throw new WsgiError(
      `header ${JSON.stringify(header)} is no [name, value] pair of strings`,
    );
  if (HOP_BY_HOP.has(header[0].toLowerCase()))
    throw new WsgiError(
      `header ${header[0]} is the gateway's, not the application's`,
    );
}
