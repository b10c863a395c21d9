/**
 * One request and its reply. Turns whatever happens (a reply, an error, a client that leaves, a loop that drains) into
 * one outcome, one access line and the end of everything that belongs to the request. Never throws.
 */
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import type { Operation, Scope } from "effection";
import { AsyncContext } from "../common/async-context.ts";
import { abortReasonOf } from "../common/thrown.ts";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import {
  ClientAbortedError,
  DrainedError,
  failureOf,
  RequestTimeoutError,
  type Failure,
  type Outcome,
} from "../common/errors.ts";
import { Reason } from "../common/reason.ts";
import type { Chunk, Head, Outlet } from "../engine/engine.ts";
import type { Scheme } from "../engine/entrance.ts";
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
import { BYTES, headOf, TEXT } from "../reply/head.ts";
import { prepare, type PreparedReply } from "../reply/reply.ts";
import { dropAll } from "../reply/source.ts";
import type { Reply } from "../reply/types.ts";
import { isUpgrade, type UpgradeReply } from "../reply/upgrade-reply.ts";
import type { Proxies } from "../request/proxies.ts";
import { GatewayRequest, type Place } from "../request/request.ts";
import type { Trace } from "../traces/trace.ts";
import { admit } from "./admission.ts";
import type { Handler } from "./application.ts";
import { Context, type ContextOwner } from "./context.ts";
import type { Figures } from "./figures.ts";
import type { Limits } from "./limits.ts";
import type { ExchangeView, Running, Shared } from "./shared.ts";

/** An application at its place. */
export interface Route extends Place {
  /** Of a route as it was written, of a mount what is below it. */
  readonly pattern?: string;
  readonly handle: Handler;
  readonly limits: Limits;
  /** Where its requests are counted, if somebody wants to know. */
  readonly figures: Figures | undefined;
}

/** `handling`: the application works on a reply. `replying`: its body is on the way. `ended`: there is an outcome. */
type State = "handling" | "replying" | "ended";

const SETTLED = Promise.resolve();

export class Exchange implements Running, ContextOwner, Recipient {
  readonly request: GatewayRequest;
  readonly shared: Shared;
  readonly limits: Limits;
  /** The listener's. */
  readonly scheme: Scheme;
  readonly out: Outlet;
  readonly trace: Trace | undefined;
  /** What runs for it is called in there. */
  readonly asyncContext = new AsyncContext();
  /** `serve` has returned, before which alone the body can be taken over. */
  detached = false;
  before: Running | undefined = undefined;
  after: Running | undefined = undefined;
  /** Why it ended before its time. */
  reason: Reason | undefined;
  readonly #figures: Figures | undefined;
  /** Set at once where the access log or the figures want to know. */
  #started = 0;
  /** Tasks, scope and delivery under way: an ended exchange is over when they are. */
  #running = 0;
  #context: Context | undefined;
  #state: State = "handling";
  #task: Fork | undefined;
  /** Its task, as a scope: the handler's, then that of the reply. */
  #latest: Scope | undefined;
  #delivery: Delivery | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    shared: Shared,
    route: Route,
    head: Head,
    out: Outlet,
    scheme: Scheme,
    trace?: Trace,
  ) {
    this.shared = shared;
    this.limits = route.limits;
    this.#figures = route.figures;
    this.scheme = scheme;
    this.out = out;
    this.trace = trace;
    shared.tally.accepted++;
    this.request = new GatewayRequest(this, route, head);
    if (shared.ids.echoed) out.identify(this.context.id);
    const isLogged = shared.accessLog !== undefined;
    if (isLogged || route.figures !== undefined) this.begin();
    if (isLogged || trace?.isRecorded)
      GatewayRequest.keepAddresses(this.request);
  }

  /** Of what the request asks for: most ask for nothing. */
  get context(): Context {
    return (this.#context ??= new Context(this));
  }

  get proxies(): Proxies | undefined {
    return this.shared.proxies;
  }

  get scope(): Scope {
    return this.shared.scope;
  }

  get ended(): boolean {
    return this.#state === "ended";
  }

  onDraining(tell: () => void): () => void {
    return this.shared.drainNotices.add(tell);
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

  /** Within the engine's callback, and in its async context. */
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
        this.halt(Reason.of(DrainedError)); // or it has ended already
      else if (this.#state === "ended") this.onCleanupError(value);
      else this.fail(value);
      this.#leaveIfOver();
    };
    this.#task =
      operation instanceof Wait
        ? new LoneWait(operation, settled, this).enter()
        : fork(this.shared.scope, () => operation, settled, this);
  }

  /** The handler, or what writes its reply, is a task. */
  began(task: Scope): void {
    this.#latest = task;
    this.#context?.seeContextsOf(task);
  }

  /** What the handler sets `request.scope` sees, and what is set in either, its reply: a stream, a socket. */
  get contexts(): Scope | undefined {
    if (this.#state === "handling") return this.#latest;
    return this.#context?.ownScope ?? this.#latest;
  }

  /** A reply that nobody waits for any more. */
  late(reply: unknown): void {
    if (isUpgrade(reply)) this.#dropUpgrade(reply);
    else dropAll(reply, this);
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
    this.out.onGone(() => this.halt(Reason.of(ClientAbortedError)));
  }

  #detach(): void {
    if (this.over) return;
    this.detached = true;
    this.begin();
    this.shared.enter(this);
    this.out.returned();
    if (this.#state === "ended") return this.shared.watchTeardown(this);
    try {
      this.limitTime();
      if (this.request.hasBody) this.context.body.receive();
    } catch (error) {
      this.fail(error);
    }
  }

  limitTime(): void {
    if (!this.detached || this.ended) return; // it is asked for later
    if (
      this.limits.requestTimeoutMs === Infinity &&
      !this.proxies &&
      !this.#context?.hasLimit
    )
      return; // nobody who could set one
    clearTimeout(this.#timer);
    const { deadline } = this.request;
    if (deadline === undefined) return;
    const left = deadline - performance.timeOrigin - performance.now();
    if (left > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => {
      this.context.log.warn(`${this.#line} took too long`);
      this.halt(Reason.of(RequestTimeoutError));
    }, left);
  }

  reply(reply: Reply): void {
    if (typeof reply === "string" && this.#isPlain(reply))
      return this.#sendPlain(TEXT, reply);
    let prepared: PreparedReply;
    try {
      if (reply instanceof Uint8Array && this.#isPlain(reply))
        return this.#sendPlain(BYTES, reply);
      if (isUpgrade(reply)) return this.#upgrade(reply);
      prepared = prepare(reply, this);
    } catch (error) {
      return this.fail(error);
    }
    if (this.#state === "handling") this.#deliver(prepared);
    else discard(prepared, this);
  }

  #sendPlain(type: string, reply: Chunk): void {
    this.out.sendPlain(type, reply);
    return this.out.state === "ended" ? this.#end("ok") : this.#awaitTaken();
  }

  /** Nothing about the reply but its text or bytes needs a look. */
  #isPlain(reply: Chunk): boolean {
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

  /** The connection becomes a socket, and the exchange is over. */
  #upgrade(reply: UpgradeReply): void {
    if (this.#state !== "handling") return this.#dropUpgrade(reply);
    const { request, out, shared, limits } = this;
    this.#state = "replying";
    try {
      GatewayRequest.keepAddresses(request);
      const place = limits.websocket;
      const begun = shared.sockets.accept(reply, this, out, place);
      if (!begun) this.#dropUpgrade(reply);
    } catch (error) {
      this.#dropUpgrade(reply);
      return this.fail(error);
    }
    this.#end("ok");
  }

  #dropUpgrade({ unused }: UpgradeReply): void {
    try {
      unused?.();
    } catch (error) {
      this.onCleanupError(error);
    }
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
    if (this.reason?.made(abortReasonOf(error))) return;
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
  halt(reason: Reason): void {
    if (this.#state === "ended") return;
    this.asyncContext.runInAsyncScope(() => this.#halt(reason));
  }

  #halt(reason: Reason): void {
    this.#answer(reason);
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
      client: this.request.remoteAddress,
      query: this.request.queryString,
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
    const { status, clientMessage, headers, frameIsUnclear } = failure;
    const body = `${clientMessage ?? "something went wrong here"}\n`;
    const its = this.#context?.onError(headers) ?? headers;
    const head = headOf({ status, headers: its, body });
    head.close ||= frameIsUnclear || failure.closesConnection || this.#closes;
    const isHead = this.request.method === "HEAD";
    if (frameIsUnclear) this.out.sever(head, isHead ? undefined : body);
    else if (isHead) this.out.sendHead(head, Buffer.byteLength(body));
    else this.out.send(head, body);
  }

  /** Decides the outcome, once, and ends what is still under way. `reason`: why, when it is before its time. */
  #end(outcome: Outcome, reason?: Reason): void {
    this.#state = "ended";
    this.shared.tally[outcome]++;
    if (this.#figures !== undefined || this.shared.accessLog !== undefined)
      this.#record(outcome);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.reason = reason;
    if (this.trace?.isRecorded)
      this.trace.end({
        outcome,
        status: this.out.status,
        client: this.request.remoteAddress,
        requestId: this.context.id,
      });
    this.#context?.end();
    this.#task?.interrupt();
    this.#delivery?.stop();
    if (!this.detached) return;
    if (this.over) this.shared.release(this);
    else this.shared.watchTeardown(this);
  }

  #record(outcome: Outcome): void {
    const { request } = this;
    const { status, bytes } = this.out;
    const durationMs = performance.now() - this.#started;
    this.#figures?.count(request, outcome, status, durationMs);
    this.shared.accessLog?.({ request, status, bytes, durationMs, outcome });
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
