/**
 * What a request asks for beyond its own data. It is made when it is asked for, belongs to the exchange, and ends with
 * it: most requests ask for nothing, and pay for nothing.
 */
import type { Scope } from "effection";
import { CheckedHeaders, type PlainHeaders } from "../reply/headers.ts";
import { RequestBody } from "../request/body.ts";
import type { Outlet } from "../engine/engine.ts";
import { GatewayRequest, type RequestContext } from "../request/request.ts";
import type { Shared } from "./shared.ts";
import { DrainedError, UsageError } from "../common/errors.ts";
import type { Reason } from "../common/reason.ts";
import { attach, seeContextsOf, type Nursery } from "../kernel/fork.ts";
import { viewTasks, type TaskView } from "../kernel/tree.ts";
import type { Logger } from "../common/log.ts";
import type { Limits } from "./limits.ts";
import { idsOf, type Trace } from "../traces/trace.ts";

/** The exchange, as what its request asks for sees it. */
export interface ContextOwner {
  readonly request: GatewayRequest;
  readonly shared: Shared;
  readonly limits: Limits;
  readonly out: Outlet;
  readonly trace: Trace | undefined;
  /** The body cannot be taken over any more. */
  readonly detached: boolean;
  readonly ended: boolean;
  /** Where the handler's contexts are, if it has any. */
  readonly contexts: Scope | undefined;
  /** Why it ended before its time. */
  readonly reason: Reason | undefined;
  /** When it started, as `performance.now()` has it. */
  begin(): number;
  /** Something more is under way: the exchange is over when nothing is. */
  hold(): void;
  release(): void;
  /** The time that it may take has changed. */
  limitTime(): void;
  /** A cleanup failed when the outcome was decided already. */
  onCleanupError(error: unknown): void;
}

export class Context implements RequestContext {
  readonly #exchange: ContextOwner;
  #nursery: Nursery | undefined;
  #body: RequestBody | undefined;
  #abort: AbortController | undefined;
  #draining: AbortController | undefined;
  #forgetDrain: (() => void) | undefined;
  #id: string | undefined;
  #log: Logger | undefined;
  #limitMs = Infinity;
  #errorFields: readonly CheckedHeaders[] | undefined;

  constructor(exchange: ContextOwner) {
    this.#exchange = exchange;
  }

  get id(): string {
    const { shared, request } = this.#exchange;
    return (this.#id ??= shared.ids.idOf(request.headers));
  }

  get log(): Logger {
    const { shared, trace } = this.#exchange;
    return (this.#log ??= shared.log.child({
      requestId: this.id,
      ...idsOf(trace),
    }));
  }

  get requestTimeoutMs(): number {
    return Math.min(this.#exchange.limits.requestTimeoutMs, this.#limitMs);
  }

  /** Something else than the mount's limits has set a time. */
  get hasLimit(): boolean {
    return this.#limitMs !== Infinity;
  }

  limitTime(ms: number): void {
    this.#limitMs = Math.min(this.#limitMs, ms);
    this.#exchange.limitTime();
  }

  addToErrors(fields: PlainHeaders): void {
    const checked =
      fields instanceof CheckedHeaders ? fields : new CheckedHeaders(fields);
    this.#errorFields = [...(this.#errorFields ?? []), checked];
  }

  /** The headers of an error's reply, which has them by itself. */
  onError(headers: Readonly<Record<string, string>>): PlainHeaders {
    if (this.#errorFields === undefined) return headers;
    const own = Object.entries(headers);
    const names = new Set(own.map(([name]) => name.toLowerCase()));
    const others = this.#errorFields
      .flatMap((some) => [...some])
      .filter(([name]) => !names.has(name.toLowerCase()));
    return [...own, ...others];
  }

  get maxInflatedBytes(): number {
    const { inflateBodies, maxBodyBytes } = this.#exchange.limits;
    return inflateBodies ? maxBodyBytes : 0;
  }

  get startedAt(): number {
    return this.#exchange.begin();
  }

  get signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    this.#abort = new AbortController();
    const { reason } = this.#exchange;
    if (reason !== undefined) this.#abort.abort(reason.error);
    return this.#abort.signal;
  }

  get draining(): AbortSignal {
    if (this.#draining !== undefined) return this.#draining.signal;
    const draining = (this.#draining = new AbortController());
    const { shared, ended } = this.#exchange;
    const tell = (): void => draining.abort(new DrainedError());
    if (!ended) this.#forgetDrain = shared.drainNotices.add(tell);
    return draining.signal;
  }

  get body(): RequestBody {
    if (this.#body !== undefined) return this.#body;
    const { out, limits, ended, detached, request, shared } = this.#exchange;
    this.#body = new RequestBody(
      out,
      limits,
      shared,
      GatewayRequest.bodyLength(request),
    );
    if (ended) this.#body.release();
    else if (!detached && request.hasBody) this.#body.receive(); // of none the engine does not always tell the end
    return this.#body;
  }

  get trailers(): readonly string[] {
    return this.#exchange.out.trailers ?? [];
  }

  get sendsExtras(): boolean {
    return this.#exchange.out.sendsExtras ?? false;
  }

  hint(fields: PlainHeaders): boolean {
    const checked = new CheckedHeaders(fields);
    return this.#exchange.out.hint?.(checked.fields) ?? false;
  }

  get scope(): Scope {
    if (this.#nursery !== undefined) return this.#nursery.scope;
    if (this.#exchange.ended) throw scopeHasEnded();
    this.#exchange.hold();
    this.#nursery = attach(this.#exchange.shared.scope, {
      onError: (error) =>
        this.log.warn({ err: error }, "a task of the request failed"),
      contexts: this.#exchange.contexts,
      ended: scopeHasEnded,
    });
    return this.#nursery.scope;
  }

  /** `scope`, if anybody has asked for it. */
  get ownScope(): Scope | undefined {
    return this.#nursery?.scope;
  }

  /** Of a task that has begun behind it. */
  seeContextsOf(task: Scope): void {
    if (this.#nursery !== undefined) seeContextsOf(this.#nursery.scope, task);
  }

  /** What runs in `scope`. */
  tasks(): TaskView[] {
    return this.#nursery ? viewTasks(this.#nursery.scope) : [];
  }

  /** The exchange has ended, and with it what was asked for. */
  end(): void {
    const { reason } = this.#exchange;
    this.#body?.release(reason);
    this.#forgetDrain?.();
    if (reason !== undefined) this.#abort?.abort(reason.error);
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
