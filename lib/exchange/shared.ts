/** What the exchanges of a loop share: its log, its scope, who is running, and how many ended how. */
import type { Scope } from "effection";
import { Framing } from "../request/framing.ts";
import { BodyWaits } from "../request/body-waits.ts";
import { SpillBudget } from "../request/spill.ts";
import {
  ClientBusyError,
  type GatewayError,
  type Outcome,
} from "../common/errors.ts";
import type { TaskView } from "../kernel/tree.ts";
import type { GatewayRequest } from "../request/request.ts";
import { DrainNotices } from "./drain-notices.ts";
import { noOutcomes } from "./figures.ts";
import { Live, type Linked } from "../common/live.ts";
import type { Reason } from "../common/reason.ts";
import { LogThrottle } from "../common/log-throttle.ts";
import { WhenNone } from "../common/when-none.ts";
import { Clients } from "./clients.ts";
import type { AccessLog } from "./access-log.ts";
import type { Logger } from "../common/log.ts";
import type { Proxies } from "../request/proxies.ts";
import type { Traces } from "../traces/trace.ts";
import { Sockets } from "../websocket/sockets.ts";
import type { RequestIds } from "../request/request-id.ts";

/** `accepted` is the sum of all others once nothing is live. */
export type Tally = Record<Outcome | "accepted", number>;

/** What an exchange is doing. */
export interface ExchangeView extends TaskView {
  readonly id: string;
  /** Address of the client, as `request.remoteAddress` has it. */
  readonly client: string;
  /** As it was sent, without `?`. */
  readonly query: string;
}

/** An exchange, as those see it who look at all of them. */
export interface Running extends Linked<Running> {
  readonly request: GatewayRequest;
  /** Nothing of it is left to end. */
  readonly over: boolean;
  /** Ends it before its time, for a reason that says with which outcome. */
  halt(reason: Reason): void;
  view(): ExchangeView;
}

/** Of no request yet. */
export const noTally = (): Tally => ({
  accepted: 0,
  ...noOutcomes(),
});

export class Shared {
  readonly log: Logger;
  readonly accessLog: AccessLog | undefined;
  /** Operation handlers run here, and under it what requests start. */
  readonly scope: Scope;
  readonly ids: RequestIds;
  /** Undefined when no peer is trusted to speak for others. */
  readonly proxies: Proxies | undefined;
  readonly tally = noTally();
  /** The exchanges that are not over; those that ended within their route callback were never in it. */
  readonly live = new Live<Running>();
  /** Of those, how many each client has. Undefined where nobody asks. */
  readonly clients: Clients | undefined;
  readonly sockets: Sockets;
  /** Undefined where nobody wants any. */
  readonly traces: Traces | undefined;
  /** It may be within its route callback, where it is not in `live`. */
  latest: Running | undefined;
  readonly framing = new Framing();
  readonly spills = new SpillBudget();
  readonly waits = new BodyWaits();
  /** From now on replies close their connection. */
  draining = false;
  readonly drainNotices = new DrainNotices();
  /** When the last reply ended whose client was behind with it, as `performance.now()` has it. */
  lagging = -Infinity;
  readonly #whenIdle = new WhenNone();
  /** Ended exchanges whose cleanup still runs, with the timers that will name them. */
  readonly #watched = new Map<Running, NodeJS.Timeout>();
  readonly #shed = new LogThrottle(1000);
  readonly #teardownTimeoutMs: number;

  constructor(
    log: Logger,
    accessLog: AccessLog | undefined,
    scope: Scope,
    teardownTimeoutMs: number,
    ids: RequestIds,
    proxies?: Proxies,
    clients?: Clients,
    traces?: Traces,
  ) {
    this.log = log;
    this.accessLog = accessLog;
    this.scope = scope;
    this.#teardownTimeoutMs = teardownTimeoutMs;
    this.ids = ids;
    this.proxies = proxies;
    this.clients = clients;
    this.traces = traces;
    this.sockets = new Sockets(scope);
  }

  /** Names an ended exchange in the log whose cleanup takes too long: nothing else can be done about it. */
  watchTeardown(exchange: Running): void {
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

  /** Says that requests are refused: at once, then once a second. */
  noteShed(error: unknown): void {
    const refused = this.#shed.next();
    if (refused === 0) return;
    this.log.warn(
      { refused },
      error instanceof ClientBusyError
        ? `${error.address} has too many requests that run (maxConnectionsPerClient); others are answered 429`
        : `${(error as GatewayError).message} (${this.live.size} requests run); others are answered 503`,
    );
  }

  /** What is not over, whoever asks: also somebody who looks in on a loop that is stuck. */
  running(most = Infinity): Running[] {
    const oldest = this.live.all(most);
    return this.#unlisted === undefined || oldest.length >= most
      ? oldest
      : [...oldest, this.#unlisted];
  }

  /** How many those are. */
  get inFlight(): number {
    return this.live.size + (this.#unlisted === undefined ? 0 : 1);
  }

  /** The youngest of those, at most so many. */
  youngest(most: number): Running[] {
    const listed = this.live.youngest(most);
    return this.#unlisted === undefined ? listed : [...listed, this.#unlisted];
  }

  /** One that is within its route callback. */
  get #unlisted(): Running | undefined {
    const { latest, live } = this;
    return latest?.over === false && !live.has(latest) ? latest : undefined;
  }

  /** An exchange goes on after the call that it has begun in. */
  enter(exchange: Running): void {
    this.live.add(exchange);
    this.clients?.add(exchange.request.remoteAddress);
  }

  /** An exchange is over. */
  release(exchange: Running): void {
    if (this.#watched.size > 0) {
      clearTimeout(this.#watched.get(exchange));
      this.#watched.delete(exchange);
    }
    if (!this.live.delete(exchange)) return;
    this.clients?.remove(exchange.request.remoteAddress);
    if (this.live.size === 0) this.#whenIdle.reached();
  }

  /** Resolves when no exchange is live, or when `signal` fires. */
  untilIdle(signal: AbortSignal): Promise<void> {
    return this.#whenIdle.until(this.live.size === 0, signal);
  }
}
