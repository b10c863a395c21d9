/** What the exchanges of a loop share: its log, its scope, who is running, and how many ended how. */
import { randomBytes } from "node:crypto";
import type { Scope } from "effection";
import type { Exchange } from "./exchange.ts";
import type { AccessLog, Logger } from "./log.ts";
import type { Outcome } from "./types.ts";

/** `accepted` is the sum of all others once nothing is live. */
export type Tally = Record<Outcome | "accepted", number>;

/** A longer time would make `setTimeout` fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Host {
  readonly log: Logger;
  readonly accessLog: AccessLog | undefined;
  /** Operation handlers run here, and under it what requests start. */
  readonly scope: Scope;
  readonly tally: Tally = {
    accepted: 0,
    ok: 0,
    abort: 0,
    timeout: 0,
    error: 0,
    shed: 0,
    drain: 0,
  };
  /** The exchanges that are not over; those that ended within their route callback were never in it. */
  readonly live = new Set<Exchange>();
  /** From now on replies close their connection. */
  draining = false;
  readonly #idPrefix = randomBytes(4).toString("hex");
  #ids = 0;
  #whenIdle: (() => void) | undefined;

  constructor(log: Logger, accessLog: AccessLog | undefined, scope: Scope) {
    this.log = log;
    this.accessLog = accessLog;
    this.scope = scope;
  }

  /** Unique among the processes of a gateway, too. */
  nextId(): string {
    return `${this.#idPrefix}-${++this.#ids}`;
  }

  /** An exchange is over. */
  release(exchange: Exchange): void {
    if (this.live.delete(exchange) && this.live.size === 0) this.#whenIdle?.();
  }

  /** Resolves when no exchange is live, after `limitMs` at the latest. */
  untilIdle(limitMs: number): Promise<void> {
    if (this.live.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, Math.min(limitMs, MAX_TIMER_MS));
      this.#whenIdle = () => {
        clearTimeout(limit);
        resolve();
      };
    });
  }
}
