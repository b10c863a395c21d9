/** What the exchanges of a loop share: its log, its scope, who is running, and how many ended how. */
import { randomBytes } from "node:crypto";
import type { Scope } from "effection";
import type { Exchange } from "./exchange.ts";
import type { AccessLog, Logger } from "./log.ts";
import type { Outcome } from "./types.ts";

/** `accepted` is the sum of all others once nothing is live. */
export type Tally = Record<Outcome | "accepted", number>;

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
  /** Ended exchanges whose cleanup still runs, with the timers that will name them. */
  readonly #watched = new Map<Exchange, NodeJS.Timeout>();
  #whenIdle: (() => void) | undefined;

  readonly #teardownTimeoutMs: number;

  constructor(
    log: Logger,
    accessLog: AccessLog | undefined,
    scope: Scope,
    teardownTimeoutMs: number,
  ) {
    this.log = log;
    this.accessLog = accessLog;
    this.scope = scope;
    this.#teardownTimeoutMs = teardownTimeoutMs;
  }

  /** Names an ended exchange in the log whose cleanup takes too long: nothing else can be done about it. */
  watchTeardown(exchange: Exchange): void {
    const limit = setTimeout(() => {
      this.#watched.delete(exchange);
      const { id, name, waitsFor, children } = exchange.view();
      this.log.error(
        { requestId: id, waitsFor, tasks: children },
        `${name} was halted, and its cleanup has not ended within ${this.#teardownTimeoutMs} ms`,
      );
    }, this.#teardownTimeoutMs);
    this.#watched.set(exchange, limit.unref());
  }

  /** Unique among the processes of a gateway, too. */
  nextId(): string {
    return `${this.#idPrefix}-${++this.#ids}`;
  }

  /** An exchange is over. */
  release(exchange: Exchange): void {
    if (this.#watched.size > 0) {
      clearTimeout(this.#watched.get(exchange));
      this.#watched.delete(exchange);
    }
    if (this.live.delete(exchange) && this.live.size === 0) this.#whenIdle?.();
  }

  /** Resolves when no exchange is live, after `limitMs` at the latest. */
  untilIdle(limitMs: number): Promise<void> {
    if (this.live.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, limitMs);
      this.#whenIdle = () => {
        clearTimeout(limit);
        resolve();
      };
    });
  }
}
