/**
 * What a request asks for beyond its own data. It is made when it is asked for, belongs to the exchange, and ends with
 * it: most requests ask for nothing, and pay for nothing.
 */
import type { Scope } from "effection";
import { formatAddress } from "./address.ts";
import { RequestBody } from "./body.ts";
import { BodyUsedError, UsageError, type GatewayError } from "./errors.ts";
import type { Scheme } from "./forwarded.ts";
import type { Host } from "./host.ts";
import { attach, type Nursery } from "./kernel/fork.ts";
import { viewTasks, type TaskView } from "./kernel/tree.ts";
import type { Logger } from "./log.ts";
import type { Limits } from "./options.ts";
import type { Proxies } from "./proxies.ts";
import type { RequestOwner } from "./request.ts";
import type { ResponseWriter } from "./response.ts";

export abstract class Owner implements RequestOwner {
  abstract readonly request: { readonly hasBody: boolean };
  readonly scheme: Scheme;
  protected readonly host: Host;
  protected readonly limits: Limits;
  protected readonly out: ResponseWriter;
  /** Set at once for the access log alone: a look at the clock costs as much as all the rest of the constructor. */
  protected started = 0;
  /** Tasks, scope and delivery under way: an ended exchange is over when they are. */
  protected running = 0;
  /** The route callback is over, in which alone the engine's request can be read and its body taken over. */
  protected detached = false;
  #ended = false;
  /** Why it ended before its time. */
  #reason: GatewayError | undefined;
  #nursery: Nursery | undefined;
  #body: RequestBody | undefined;
  #abort: AbortController | undefined;
  #id: string | undefined;
  #log: Logger | undefined;
  #peerAddress: string | undefined;
  #proxiedAddress: string | undefined;

  constructor(host: Host, limits: Limits, scheme: Scheme, out: ResponseWriter) {
    this.host = host;
    this.limits = limits;
    this.scheme = scheme;
    this.out = out;
  }

  get id(): string {
    return (this.#id ??= this.host.nextId());
  }

  get log(): Logger {
    return (this.#log ??= this.host.log.child({ requestId: this.id }));
  }

  get proxies(): Proxies | undefined {
    return this.host.proxies;
  }

  get fromTrustedProxy(): boolean {
    return (
      this.proxies !== undefined &&
      this.peerAddress !== undefined &&
      this.proxies.trust(this.peerAddress)
    );
  }

  get peerAddress(): string | undefined {
    return (this.#peerAddress ??= toText(this.out.remoteAddress()));
  }

  get proxiedAddress(): string | undefined {
    return (this.#proxiedAddress ??= toText(this.out.proxiedAddress()));
  }

  /** For whoever asks after the end: the engine forgets them with the response. */
  protected keepAddresses(): void {
    void this.peerAddress;
    if (this.proxies?.header === "proxy-v2") void this.proxiedAddress;
  }

  get requestTimeoutMs(): number {
    return this.limits.requestTimeoutMs;
  }

  get startedAt(): number {
    return performance.timeOrigin + this.begin();
  }

  get signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    this.#abort = new AbortController();
    if (this.#reason !== undefined) this.#abort.abort(this.#reason);
    return this.#abort.signal;
  }

  get body(): RequestBody {
    if (this.#body !== undefined) return this.#body;
    this.#body = new RequestBody(this.out, this.limits);
    if (this.#ended)
      this.#body.release(new BodyUsedError("the exchange is over"));
    else if (!this.detached && this.request.hasBody) this.#body.receive(); // of none the engine does not always tell the end
    return this.#body;
  }

  get scope(): Scope {
    if (this.#nursery !== undefined) return this.#nursery.scope;
    if (this.#ended)
      throw new UsageError(
        "request.scope was asked for after the end of its exchange",
      );
    this.running++;
    this.#nursery = attach(this.host.scope, {
      onError: (error) =>
        this.log.warn({ err: error }, "a task of the request failed"),
    });
    return this.#nursery.scope;
  }

  /** What runs in `scope`. */
  protected tasks(): TaskView[] {
    return this.#nursery ? viewTasks(this.#nursery.scope) : [];
  }

  /** When it started, as `performance.now()` has it. */
  protected begin(): number {
    return (this.started ||= performance.now());
  }

  /** Ends what was asked for. `reason`: why, when it is before its time. */
  protected endOwned(reason: GatewayError | undefined): void {
    this.#ended = true;
    this.#reason = reason;
    this.#body?.release(reason ?? new BodyUsedError("the exchange is over"));
    if (reason !== undefined) this.#abort?.abort(reason);
    if (this.#nursery !== undefined) this.#close(this.#nursery);
  }

  #close(nursery: Nursery): void {
    const closed = (): void => {
      this.running--;
      this.release();
    };
    if (nursery.tryEnd()) this.running--;
    else
      nursery.destroy().then(closed, (error: unknown) => {
        this.strayError(error);
        closed();
      });
  }

  /** A cleanup failed when the outcome was decided already. */
  abstract strayError(error: unknown): void;

  /** Something that was under way has ended. */
  protected abstract release(): void;
}

function toText(address: Uint8Array | undefined): string | undefined {
  return address && formatAddress(address);
}
