/**
 * One request and its reply. Turns whatever happens (a reply, an error, a client that leaves, a loop that drains) into
 * one outcome, one access line and the end of everything that belongs to the request. Never throws.
 */
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import type { Operation, Scope } from "effection";
import { AsyncContext } from "../common/async-context.ts";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import {
  ClientAbortedError,
  DrainedError,
  failureOf,
  RequestTimeoutError,
  type Failure,
  type GatewayError,
  type Outcome,
} from "../common/errors.ts";
import type { Head, Outlet } from "../engine/engine.ts";
import type { Entrance } from "../engine/entrance.ts";
import { fork, type Fork, type Settle } from "../kernel/fork.ts";
import { viewFork } from "../kernel/tree.ts";
import { isOperation } from "../operations/is-operation.ts";
import { LoneWait, Wait } from "../operations/wait.ts";
import {
  deliver,
  discard,
  WHOLE_BYTES,
  type Delivery,
  type Recipient,
} from "../reply/deliver.ts";
import { headOf, TEXT } from "../reply/head.ts";
import { prepare, type PreparedReply } from "../reply/reply.ts";
import { dropAll } from "../reply/source.ts";
import type { Reply } from "../reply/types.ts";
import { GatewayRequest, type Place } from "../request/request.ts";
import type { AccessLog } from "./access-log.ts";
import { admit } from "./admission.ts";
import type { Handler } from "./application.ts";
import { Context, type ContextOwner } from "./context.ts";
import type { Limits } from "./limits.ts";
import type { ExchangeView, Running, Shared } from "./shared.ts";

/** An application at its place. */
export interface Route extends Place {
  readonly handle: Handler;
  readonly limits: Limits;
}

/**
 * Serves one request, within the engine's callback: the hot path of the gateway.
 *
 * A plain handler's reply is written before this returns: no task, no promise, nothing registered. The rest is paid for
 * by those who need it: `#outlive` takes part in the client's fate, `#run` starts a task. See bench/README.md for what
 * each costs.
 */
export function serve(
  shared: Shared,
  route: Route,
  head: Head,
  out: Outlet,
  entrance: Entrance,
): void {
  const exchange = new Exchange(shared, route, head, out, entrance);
  shared.latest = exchange;
  exchange.runInAsyncScope(handle, exchange, route.handle);
}

/** By `this`, as each further argument costs: hot path. */
function handle(this: Exchange, handler: Handler): void {
  this.handle(handler);
}

/** `handling`: the application works on a reply. `replying`: its body is on the way. `ended`: there is an outcome. */
type State = "handling" | "replying" | "ended";

const SETTLED = Promise.resolve();

export class Exchange
  extends AsyncContext
  implements Running, ContextOwner, Recipient
{
  readonly request: GatewayRequest;
  readonly shared: Shared;
  readonly limits: Limits;
  readonly entrance: Entrance;
  readonly out: Outlet;
  /** `serve` has returned, before which alone the body can be taken over. */
  detached = false;
  before: Running | undefined = undefined;
  after: Running | undefined = undefined;
  /** Why it ended before its time. */
  reason: GatewayError | undefined;
  /** Set at once for the access log alone. */
  #started = 0;
  /** Tasks, scope and delivery under way: an ended exchange is over when they are. */
  #running = 0;
  #context: Context | undefined;
  #state: State = "handling";
  #task: Fork | undefined;
  #delivery: Delivery | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    shared: Shared,
    route: Route,
    head: Head,
    out: Outlet,
    entrance: Entrance,
  ) {
    super();
    this.shared = shared;
    this.limits = route.limits;
    this.entrance = entrance;
    this.out = out;
    shared.tally.accepted++;
    this.request = new GatewayRequest(this, route, head);
    if (shared.ids.echoed) out.identify(this.context.id);
    if (shared.accessLog !== undefined) {
      this.begin();
      GatewayRequest.keepAddresses(this.request);
    }
  }

  /** Of what the request asks for: most ask for nothing. */
  get context(): Context {
    return (this.#context ??= new Context(this));
  }

  get scope(): Scope {
    return this.shared.scope;
  }

  get ended(): boolean {
    return this.#state === "ended";
  }

  begin(): number {
    return (this.#started ||= performance.now());
  }

  hold(): void {
    this.#running++;
  }

  release(): void {
    this.#running--;
    this.#leaveIfOver();
  }

  /** Only those that outlived `serve` are listed as live. */
  #leaveIfOver(): void {
    if (this.detached && this.over) this.shared.release(this);
  }

  get over(): boolean {
    return this.#state === "ended" && this.#running === 0;
  }

  /** Within the engine's callback, and in an async context of its own. */
  handle(handler: Handler): void {
    try {
      admit(this.request, this.limits, this.shared);
      this.follow(handler(this.request));
    } catch (error) {
      this.fail(error);
    }
    if (!this.over) this.#outlive();
  }

  /** Follows what the handler returned to a reply: a promise, an operation, or the reply itself. */
  follow(result: ReturnType<Handler>): void {
    if (typeof result === "object" && result !== null) {
      if ("then" in result) return this.#await(result);
      if (isOperation(result)) return this.#run(result as Operation<Reply>);
    }
    this.reply(result as Reply);
  }

  #await(reply: Promise<Reply>): void {
    reply.then(
      (value) => this.reply(value),
      (error: unknown) => this.fail(error),
    );
  }

  /** An operation that does not wait has settled when `fork` returns; the task that it gives then is an ended one. */
  #run(operation: Operation<Reply>): void {
    this.#running++;
    const settled: Settle = (state, value) => {
      this.#running--;
      if (state === "value") this.reply(value as Reply);
      else if (state === "halted")
        this.halt(new DrainedError()); // or it has ended already
      else if (this.#state === "ended") this.onCleanupError(value);
      else this.fail(value);
      this.#leaveIfOver();
    };
    this.#task =
      operation instanceof Wait
        ? new LoneWait(operation, settled, this).enter()
        : fork(this.shared.scope, () => operation, settled);
  }

  /** A reply that nobody waits for any more. */
  late(reply: unknown): void {
    dropAll(reply, this);
  }

  /**
   * `serve` returns without the exchange being over. Microtasks and ticks still run before the engine goes on. An async
   * function without a wait in it is answered by then: its promise is settled already, and has its reaction before the
   * one here. Any other exchange learns from now on when its client leaves, without which the engine would end the
   * process; and after all microtasks, unless it is answered by then as well, it is listed, and takes its body over. A
   * lone wait waits for somebody else, and gets both at once.
   */
  #outlive(): void {
    if (this.#task instanceof LoneWait) {
      this.#watch();
      return this.#detach();
    }
    void SETTLED.then(() => {
      if (this.over) return;
      this.#watch();
      process.nextTick(() => this.#detach());
    });
  }

  #watch(): void {
    this.out.onGone(() => this.halt(new ClientAbortedError()));
  }

  #detach(): void {
    if (this.over) return;
    this.detached = true;
    this.begin();
    this.shared.enter(this);
    this.out.returned();
    if (this.#state === "ended") return this.shared.watchTeardown(this);
    try {
      this.#limitTime();
      if (this.request.hasBody) this.context.body.receive();
    } catch (error) {
      this.fail(error);
    }
  }

  #limitTime(): void {
    if (this.limits.requestTimeoutMs === Infinity && !this.shared.proxies)
      return; // nobody who could set one
    const { deadline } = this.request;
    if (deadline === undefined) return;
    const left = deadline - performance.timeOrigin - performance.now();
    if (left > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => {
      this.context.log.warn(`${this.#line} took too long`);
      this.halt(new RequestTimeoutError());
    }, left);
  }

  reply(reply: Reply): void {
    if (typeof reply === "string" && this.#isPlain(reply)) {
      this.out.sendPlain(TEXT, reply);
      return this.out.state === "ended" ? this.#end("ok") : this.#awaitTaken();
    }
    let prepared: PreparedReply;
    try {
      prepared = prepare(reply, this);
    } catch (error) {
      return this.fail(error);
    }
    if (this.#state === "handling") this.#deliver(prepared);
    else discard(prepared, this);
  }

  /** Nothing about the reply but its text needs a look. */
  #isPlain(reply: string): boolean {
    return (
      reply.length <= WHOLE_BYTES &&
      this.#state === "handling" &&
      this.request.method !== "HEAD" &&
      !this.#closes
    );
  }

  /** The client wants no further reply on this connection, or will not get one. */
  get #closes(): boolean {
    return this.shared.draining || GatewayRequest.closes(this.request);
  }

  #awaitTaken(outcome: Outcome = "ok"): void {
    this.#state = "replying";
    this.#running++;
    void this.out.taken().then(() => this.done(undefined, outcome));
  }

  #deliver(reply: PreparedReply): void {
    this.#state = "replying";
    this.#running++;
    reply.head.close ||= this.#closes;
    try {
      this.#delivery = deliver(reply, this.request.method, this.out, this);
    } catch (error) {
      discard(reply, this);
      this.done(error);
    }
  }

  /** The reply is delivered, or will never be. */
  done(error?: unknown, outcome: Outcome = "ok"): void {
    this.#delivery = undefined;
    this.#running--;
    if (this.out.lags && this.out.state !== "gone")
      this.shared.lagging = performance.now();
    if (error !== undefined) {
      if (this.#state === "ended") this.onCleanupError(error);
      else this.fail(error);
    } else if (this.#state !== "ended") this.#end(outcome);
    this.#leaveIfOver();
  }

  /**
   * A cleanup failed when the outcome was decided already: the log is all that is left to tell. What was stopped by
   * `request.signal` may say just that.
   */
  onCleanupError(error: unknown): void {
    if (error !== undefined && error === this.reason) return;
    this.context.log.warn({ err: error }, `a cleanup of ${this.#line} failed`);
  }

  /** Answers with an error, or cuts the connection when the head is out. */
  fail(error: unknown): void {
    if (this.#state === "ended") {
      // There is nobody left to tell; that an aborted handler fails is expected.
      return this.context.log.debug({ err: error }, "failed after its end");
    }
    const failure = failureOf(error);
    const { outcome } = failure;
    this.#report(failure, error);
    this.#answer(failure);
    if (this.out.state === "streaming") return this.#awaitTaken(outcome);
    const answered = this.out.state === "ended";
    this.#end(outcome === "ok" && !answered ? "error" : outcome);
  }

  /** What somebody should look at goes to the log. */
  #report({ outcome, hasCause }: Failure, error: unknown): void {
    if (outcome === "error")
      this.context.log.error(
        { err: error ?? String(error) },
        `${this.#line} failed`,
      );
    else if (outcome === "shed") this.shared.noteShed(error);
    else if (hasCause)
      this.context.log.info({ err: error }, `${this.#line} refused`);
  }

  /** An aborted client gets nothing, any other one an error or a cut connection. */
  halt(reason: GatewayError): void {
    if (this.#state === "ended") return;
    this.runInAsyncScope(() => this.#halt(reason));
  }

  #halt(reason: GatewayError): void {
    this.#answer(failureOf(reason));
    this.#end(reason.outcome, reason);
  }

  view(): ExchangeView {
    const task = viewFork(this.#task);
    const body = this.#delivery?.view();
    const its = body ?? task ?? this.#task;
    const tasks = [task?.children, body?.children, this.#context?.tasks()];
    return {
      id: this.context.id,
      name: this.#line,
      waitsFor: its?.waitsFor ?? WAITS_FOR[this.#state],
      ageMs: Math.round(performance.now() - this.begin()),
      children: tasks.flatMap((some) => some ?? []),
    };
  }

  #answer(failure: Failure): void {
    if (this.out.state !== "waiting") return this.out.close();
    try {
      this.#sendError(failure);
    } catch (error) {
      // bad headers of an HttpError
      this.context.log.error(
        { err: error },
        `${this.#line}: its error reply failed`,
      );
      this.#sendError(failureOf(undefined));
    }
  }

  #sendError(failure: Failure): void {
    const { status, clientMessage, headers, closesConnection } = failure;
    const body = `${clientMessage ?? "something went wrong here"}\n`;
    const head = headOf({ status, headers, body });
    head.close ||= closesConnection || this.#closes;
    const isHead = this.request.method === "HEAD";
    if (failure.frameIsUnclear) this.out.sever(head, isHead ? undefined : body);
    else if (isHead) this.out.sendHead(head, Buffer.byteLength(body));
    else this.out.send(head, body);
  }

  /** Decides the outcome, once, and ends what is still under way. `reason`: why, when it is before its time. */
  #end(outcome: Outcome, reason?: GatewayError): void {
    this.#state = "ended";
    this.shared.tally[outcome]++;
    if (this.shared.accessLog !== undefined)
      this.#writeAccessLine(this.shared.accessLog, outcome);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.reason = reason;
    this.#context?.end();
    this.#task?.interrupt();
    this.#delivery?.stop();
    if (!this.detached) return;
    if (this.over) this.shared.release(this);
    else this.shared.watchTeardown(this);
  }

  #writeAccessLine(write: AccessLog, outcome: Outcome): void {
    const { status, bytes } = this.out;
    write({
      request: this.request,
      status,
      bytes,
      durationMs: performance.now() - this.#started,
      outcome,
    });
  }

  get #line(): string {
    return `${this.request.method} ${this.request.mountPath}${this.request.path}`;
  }
}

/** Where there is no task to ask. */
const WAITS_FOR: Record<State, string> = {
  handling: "the handler's promise",
  replying: "the client to take the reply",
  ended: "its cleanup",
};
