/**
 * What a request asks for beyond its own data. It is made when it is asked for, belongs to the exchange, and ends with
 * it: most requests ask for nothing, and pay for nothing.
 */
import type { Scope } from "effection";
import { RequestBody } from "../request/body.ts";
import type { Outlet } from "../engine/engine.ts";
import type { Entrance, Scheme } from "../engine/entrance.ts";
import type { RequestContext } from "../request/request.ts";
import type { Shared } from "./shared.ts";
import { UsageError, type GatewayError } from "../common/errors.ts";
import type { RequestHeaders } from "../request/headers.ts";
import { attach, type Nursery } from "../kernel/fork.ts";
import { viewTasks, type TaskView } from "../kernel/tree.ts";
import type { Logger } from "../common/log.ts";
import type { Limits } from "./limits.ts";
import type { Proxies } from "../request/proxies.ts";

/** The exchange, as what its request asks for sees it. */
export interface ContextOwner {
  readonly request: {
    readonly hasBody: boolean;
    readonly headers: RequestHeaders;
  };
  readonly entrance: Entrance;
  readonly shared: Shared;
  readonly limits: Limits;
  readonly out: Outlet;
  /** The body cannot be taken over any more. */
  readonly detached: boolean;
  readonly ended: boolean;
  /** Why it ended before its time. */
  readonly reason: GatewayError | undefined;
  /** When it started, as `performance.now()` has it. */
  begin(): number;
  /** Something more is under way: the exchange is over when nothing is. */
  hold(): void;
  release(): void;
  /** A cleanup failed when the outcome was decided already. */
  onCleanupError(error: unknown): void;
}

export class Context implements RequestContext {
  readonly #exchange: ContextOwner;
  #nursery: Nursery | undefined;
  #body: RequestBody | undefined;
  #abort: AbortController | undefined;
  #id: string | undefined;
  #log: Logger | undefined;

  constructor(exchange: ContextOwner) {
    this.#exchange = exchange;
  }

  get scheme(): Scheme {
    return this.#exchange.entrance.scheme;
  }

  get id(): string {
    const { shared, request } = this.#exchange;
    return (this.#id ??= shared.ids.idOf(request.headers));
  }

  get log(): Logger {
    return (this.#log ??= this.#exchange.shared.log.child({
      requestId: this.id,
    }));
  }

  get proxies(): Proxies | undefined {
    return this.#exchange.shared.proxies;
  }

  get requestTimeoutMs(): number {
    return this.#exchange.limits.requestTimeoutMs;
  }

  get startedAt(): number {
    return this.#exchange.begin();
  }

  get signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    this.#abort = new AbortController();
    const { reason } = this.#exchange;
    if (reason !== undefined) this.#abort.abort(reason);
    return this.#abort.signal;
  }

  get body(): RequestBody {
    if (this.#body !== undefined) return this.#body;
    const { out, limits, ended, detached, request, shared } = this.#exchange;
    this.#body = new RequestBody(out, limits, shared.spills);
    if (ended) this.#body.release();
    else if (!detached && request.hasBody) this.#body.receive(); // of none the engine does not always tell the end
    return this.#body;
  }

  get scope(): Scope {
    if (this.#nursery !== undefined) return this.#nursery.scope;
    if (this.#exchange.ended) throw scopeHasEnded();
    this.#exchange.hold();
    this.#nursery = attach(this.#exchange.shared.scope, {
      onError: (error) =>
        this.log.warn({ err: error }, "a task of the request failed"),
      ended: scopeHasEnded,
    });
    return this.#nursery.scope;
  }

  /** What runs in `scope`. */
  tasks(): TaskView[] {
    return this.#nursery ? viewTasks(this.#nursery.scope) : [];
  }

  /** The exchange has ended, and with it what was asked for. */
  end(): void {
    const { reason } = this.#exchange;
    this.#body?.release(reason);
    if (reason !== undefined) this.#abort?.abort(reason);
    if (this.#nursery !== undefined) this.#close(this.#nursery);
  }

  #close(nursery: Nursery): void {
    const exchange = this.#exchange;
    const over = (): void => {
      this.#nursery = undefined;
      exchange.release();
    };
    if (nursery.tryEnd()) return over();
    void nursery
      .destroy()
      .catch((error: unknown) => exchange.onCleanupError(error))
      .then(over);
  }
}

/** What is started then would have nobody to end it. */
const scopeHasEnded = (): UsageError =>
  new UsageError(
    "request.scope has ended with its exchange; loop.run() starts what is to outlive it",
  );
