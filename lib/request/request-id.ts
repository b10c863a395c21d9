/** By which id the lines of a request are found in the logs. */
import { randomBytes } from "node:crypto";
import type { RequestHeaders } from "./headers.ts";

/**
 * `accept`: the client's, or else one of our own. `generate`: always one of our own. `echo`: as `accept`, and the
 * reply says which.
 */
export type RequestIdSource = "accept" | "generate" | "echo";

export const REQUEST_ID_FIELD = "x-request-id";

/**
 * What needs no escape in a log, a URL or a header, and is long enough for all that is in use: UUIDs, ULIDs, trace
 * ids.
 */
const SANE = /^[\w.:@+=~-]{1,128}$/;

export class RequestIds {
  /** Replies carry them. */
  readonly echoed: boolean;
  readonly #accepted: boolean;
  readonly #prefix = randomBytes(4).toString("hex");
  #made = 0;

  constructor(source: RequestIdSource) {
    this.echoed = source === "echo";
    this.#accepted = source !== "generate";
  }

  /** The client's if it makes sense; it need not be unique. */
  idOf(headers: RequestHeaders): string {
    const given = this.#accepted ? headers.get(REQUEST_ID_FIELD) : undefined;
    return given !== undefined && SANE.test(given) ? given : this.#next();
  }

  /** Unique among the processes of a gateway, too. */
  #next(): string {
    return `${this.#prefix}-${++this.#made}`;
  }
}
