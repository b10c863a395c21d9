/**
 * One request and its reply. Turns whatever happens (a reply, an error, a client that leaves, a loop that drains) into
 * one outcome, one access line and the end of everything that belongs to the request. Never throws.
 */
import { performance } from "node:perf_hooks"; // the global is a getter, half as dear again as the call
import type { Operation } from "effection";
import { admit } from "./admission.ts";
import {
  deliver,
  discard,
  WHOLE_BYTES,
  type Delivery,
  type Recipient,
} from "../reply/deliver.ts";
import {
  ClientAbortedError,
  DrainedError,
  GatewayError,
  RequestTimeoutError,
} from "../common/errors.ts";
import type { Host } from "./shared.ts";
import { fork, type Fork } from "../kernel/fork.ts";
import type { Settle } from "../kernel/settled.ts";
import { viewFork, type TaskView } from "../kernel/tree.ts";
import type { Entrance } from "../engine/entrance.ts";
import type { AccessLog } from "./access-log.ts";
import type { Linked } from "./live.ts";
import { LoneWait, Wait } from "../operations/wait.ts";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import type { Limits } from "./limits.ts";
import { Owner, type Owning } from "./context.ts";
import { headOf, TEXT, toResponse } from "../reply/reply.ts";
import { GatewayRequest, type Place } from "../request/request.ts";
import { ResponseWriter } from "../engine/uws/outlet.ts";
import type { GatewayResponse, Reply } from "../reply/types.ts";
import type { Handler } from "./application.ts";
import type { Outcome } from "../common/errors.ts";
import type { HttpRequest, HttpResponse } from "../engine/uws/load.ts";

/** An application at its place. */
export interface Route extends Place {
  readonly handle: Handler;
  readonly limits: Limits;
}

/**
 * Serves one request: the engine's route callback, and the fast path of the gateway.
 *
 * A plain handler's reply is written before this returns: no task, no promise, nothing registered, nothing copied. The
 * rest is paid for by those who need it: `outlive` attaches the abort handler and copies the request, `#run` starts a
 * task. See bench/README.md for what each costs.
 */
export function serve(
  host: Host,
  route: Route,
  entrance: Entrance,
  method: string,
  res: HttpResponse,
  req: HttpRequest,
): void {
  const exchange = new Exchange(host, route, entrance, method, res, req);
  host.latest = exchange;
  try {
    admit(exchange.request, route.limits, host);
    exchange.take(route.handle(exchange.request));
  } catch (error) {
    exchange.fail(error);
  }
  if (!exchange.over) exchange.outlive();
}

/** `handling`: the application works on a reply. `replying`: its body is on the way. `ended`: there is an outcome. */
type State = "handling" | "replying" | "ended";

const SETTLED = Promise.resolve();

export class Exchange implements Owning, Recipient, Linked<Exchange> {
  readonly request: GatewayRequest;
  readonly host: Host;
  readonly limits: Limits;
  readonly entrance: Entrance;
  readonly out: ResponseWriter;
  /** The route callback is over, in which alone the engine's request can be read and its body taken over. */
  detached = false;
  /** Its neighbours among those that are live. */
  before: Exchange | undefined = undefined;
  after: Exchange | undefined = undefined;
  /** Why it ended before its time. */
  reason: GatewayError | undefined;
  /** Set at once for the access log alone: a look at the clock costs as much as all the rest of the constructor. */
  #started = 0;
  /** Tasks, scope and delivery under way: an ended exchange is over when they are. */
  #running = 0;
  #owner: Owner | undefined;
  #state: State = "handling";
  #task: Fork | undefined;
  #delivery: Delivery | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    host: Host,
    route: Route,
    entrance: Entrance,
    method: string,
    res: HttpResponse,
    req: HttpRequest,
  ) {
    this.host = host;
    this.limits = route.limits;
    this.entrance = entrance;
    this.out = new ResponseWriter(res, host.cork);
    host.tally.accepted++;
    this.request = new GatewayRequest(this, route, method, req.getUrl(), req);
    if (host.ids.echoed) this.out.identify(this.owner.id);
    if (host.accessLog !== undefined) {
      this.begin();
      this.owner.keepAddresses();
    }
  }

  /** Of what the request asks for: most ask for nothing. */
  get owner(): Owner {
    return (this.#owner ??= new Owner(this));
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

  /** The host knows of those only that outlived their route callback. */
  #leaveIfOver(): void {
    if (this.detached && this.over) this.host.release(this);
  }

  /** Nothing of the exchange is left to end. */
  get over(): boolean {
    return this.#state === "ended" && this.#running === 0;
  }

  /** Follows what the handler returned to a reply: a promise, an operation, or the reply itself. */
  take(result: ReturnType<Handler>): void {
    if (typeof result === "object" && result !== null) {
      if ("then" in result) return this.#await(result);
      if (isOperation(result)) return this.#run(result);
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
      else if (this.#state === "ended") this.strayError(value);
      else this.fail(value);
      this.#leaveIfOver();
    };
    this.#task =
      operation instanceof Wait
        ? new LoneWait(operation, settled).enter()
        : fork(this.host.scope, () => operation, settled);
  }

  /**
   * The route callback returns without the exchange being over. Microtasks and ticks still run before the engine goes on.
   * An async function without a wait in it is answered by then: its promise is settled already, and has its reaction
   * before the one here. Any other exchange gets its abort handler, without which the engine would end the process; and
   * after all microtasks, a copy of what the engine frees, unless it is answered by then as well. A lone wait gets both at
   * once: it waits for somebody else, and a tick costs more than the copy.
   */
  outlive(): void {
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
    this.host.live.add(this);
    this.out.detach();
    try {
      GatewayRequest.detach(this.request);
      if (this.#state === "ended") return this.host.watchTeardown(this);
      this.#limitTime();
      if (this.request.hasBody) this.owner.body.receive();
    } catch (error) {
      this.fail(error);
    }
  }

  #limitTime(): void {
    if (this.limits.requestTimeoutMs === Infinity && !this.host.proxies) return; // nobody who could set one
    const { deadline } = this.request;
    if (deadline === undefined) return;
    const left = deadline - performance.timeOrigin - performance.now();
    if (left > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => {
      this.owner.log.warn(`${this.#line} took too long`);
      this.halt(new RequestTimeoutError());
    }, left);
  }

  reply(reply: Reply): void {
    if (typeof reply === "string" && this.#isPlain(reply)) {
      this.out.sendPlain(TEXT, reply);
      return this.out.state === "ended" ? this.#end("ok") : this.#awaitTaken();
    }
    try {
      const response = toResponse(reply);
      if (this.#state === "handling") this.#deliver(response);
      else discard(response.body, this);
    } catch (error) {
      this.fail(error);
    }
  }

  #awaitTaken(outcome: Outcome = "ok"): void {
    this.#state = "replying";
    this.#running++;
    void this.out.taken().then(() => this.done(undefined, outcome));
  }

  #deliver(response: GatewayResponse): void {
    this.#state = "replying";
    this.#running++;
    try {
      this.#delivery = deliver(response, this.out, this.#delivering, this);
    } catch (error) {
      discard(response.body, this);
      this.done(error);
    }
  }

  get #delivering(): Parameters<typeof deliver>[2] {
    return {
      method: this.request.method,
      scope: this.host.scope,
      close: GatewayRequest.closes(this.request),
      draining: this.host.draining,
    };
  }

  /** Nothing about the reply but its text needs a look. */
  #isPlain(reply: string): boolean {
    return (
      reply.length <= WHOLE_BYTES &&
      this.#state === "handling" &&
      this.request.method !== "HEAD" &&
      !this.host.draining &&
      !GatewayRequest.closes(this.request)
    );
  }

  /** The reply is delivered, or will never be. */
  done(error?: unknown, outcome: Outcome = "ok"): void {
    this.#delivery = undefined;
    this.#running--;
    if (this.out.lags) this.host.lagging = performance.now();
    if (error === undefined) this.#complete(outcome);
    else if (this.#state === "ended") this.strayError(error);
    else this.fail(error);
    this.#leaveIfOver();
  }

  #complete(outcome: Outcome): void {
    if (this.#state !== "ended") this.#end(outcome);
  }

  /** A cleanup failed when the outcome was decided already: the log is all that is left to tell. What was stopped by `request.signal` may say just that. */
  strayError(error: unknown): void {
    if (error !== undefined && error === this.reason) return;
    this.owner.log.warn({ err: error }, `a cleanup of ${this.#line} failed`);
  }

  /** Answers with an error, or cuts the connection when the head is out. */
  fail(error: unknown): void {
    if (this.#state === "ended") {
      // There is nobody left to tell; that an aborted handler fails is expected.
      return this.owner.log.debug({ err: error }, "failed after its end");
    }
    const known = error instanceof GatewayError ? error : undefined;
    const outcome = known?.outcome ?? "error";
    this.#report(outcome, error);
    this.#answer(known);
    if (this.out.state === "streaming") return this.#awaitTaken(outcome);
    const answered = this.out.state === "ended";
    this.#end(outcome === "ok" && !answered ? "error" : outcome);
  }

  /** What somebody should look at goes to the log. */
  #report(outcome: Outcome, error: unknown): void {
    if (outcome === "error")
      this.owner.log.error({ err: error }, `${this.#line} failed`);
    else if (outcome === "shed") this.host.noteShed();
    else if ((error as Error).cause !== undefined)
      this.owner.log.info({ err: error }, `${this.#line} refused`);
  }

  /** Ends it before its time, for a reason that says with which outcome. An aborted client gets nothing, any other one an error or a cut connection. */
  halt(reason: GatewayError): void {
    if (this.#state === "ended") return;
    this.#answer(reason);
    this.#end(reason.outcome, reason);
  }

  /** What it is doing. */
  view(): TaskView & { id: string } {
    const task = viewFork(this.#task);
    return {
      id: this.owner.id,
      name: this.#line,
      waitsFor:
        task?.waitsFor ?? this.#task?.waitsFor ?? WAITS_FOR[this.#state],
      ageMs: Math.round(performance.now() - this.#started),
      children: [...(task?.children ?? []), ...(this.#owner?.tasks() ?? [])],
    };
  }

  #answer(error: GatewayError | undefined): void {
    if (this.out.state !== "waiting") return this.out.close();
    try {
      this.#sendError(error);
    } catch (failure) {
      this.owner.log.error(
        { err: failure },
        `${this.#line}: its error reply failed`,
      ); // bad headers of an HttpError
      this.#sendError(undefined);
    }
  }

  #sendError(error: GatewayError | undefined): void {
    const response = {
      status: error?.status ?? 500,
      headers: error?.headers ?? {},
      body: `${error?.clientMessage ?? "something went wrong here"}\n`,
    };
    if (error?.closesConnection)
      return this.out.sever(headOf(response), response.body);
    deliver(response, this.out, this.#delivering, NOBODY);
  }

  /** Decides the outcome, once, and ends what is still under way. `reason`: why, when it is before its time. */
  #end(outcome: Outcome, reason?: GatewayError): void {
    this.#state = "ended";
    this.host.tally[outcome]++;
    if (this.host.accessLog !== undefined)
      this.#writeAccessLine(this.host.accessLog, outcome);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.reason = reason;
    this.#owner?.end();
    this.#task?.interrupt();
    this.#delivery?.stop();
    if (!this.detached) return;
    if (this.over) this.host.release(this);
    else this.host.watchTeardown(this);
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

/** Generators are, and everything else that iterates may be one, but for the collections of the language: they are mistakes for a reply. */
function isOperation(result: object): result is Operation<Reply> {
  return (
    Symbol.iterator in result &&
    ("next" in result ||
      !(
        Array.isArray(result) ||
        ArrayBuffer.isView(result) ||
        result instanceof Map ||
        result instanceof Set
      ))
  );
}

/** Where there is no task to ask. */
const WAITS_FOR: Record<State, string> = {
  handling: "the handler's promise",
  replying: "the client to take the reply",
  ended: "its cleanup",
};

/** An error reply is one string: it is sent at once, and whoever sends it goes on by itself. */
const NOBODY: Recipient = { done() {}, strayError() {} };
