/**
 * What a request asks for beyond its own data. It is made when it is asked for, belongs to the exchange, and ends with
 * it: most requests ask for nothing, and pay for nothing.
 */
import type { Scope } from "effection";
import { formatAddress } from "../common/address.ts";
import { RequestBody } from "../request/body.ts";
import type { Entrance } from "../engine/entrance.ts";
import {
  BodyUsedError,
  UsageError,
  type GatewayError,
} from "../common/errors.ts";
import type { Scheme } from "../request/forwarded.ts";
import type { RequestHeaders } from "../request/headers.ts";
import type { Host } from "./shared.ts";
import { attach, type Nursery } from "../kernel/fork.ts";
import { viewTasks, type TaskView } from "../kernel/tree.ts";
import type { Logger } from "../common/log.ts";
import type { Limits } from "./limits.ts";
import type { Proxies } from "../request/proxies.ts";
import type { RequestOwner } from "../request/request.ts";
import type { ResponseWriter } from "../engine/uws/outlet.ts";

/** The exchange, as the owner of what its request asks for sees it. */
export interface Owning {
  readonly request: {
    readonly hasBody: boolean;
    readonly headers: RequestHeaders;
  };
  readonly entrance: Entrance;
  readonly host: Host;
  readonly limits: Limits;
  readonly out: ResponseWriter;
  /** The route callback is over, in which alone the body can be taken over. */
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
  strayError(error: unknown): void;
}

export class Owner implements RequestOwner {
  readonly #exchange: Owning;
  #nursery: Nursery | undefined;
  #body: RequestBody | undefined;
  #abort: AbortController | undefined;
  #id: string | undefined;
  #log: Logger | undefined;
  #peerAddress: string | undefined;
  #proxiedAddress: string | undefined;

  constructor(exchange: Owning) {
    this.#exchange = exchange;
  }

  get scheme(): Scheme {
    return this.#exchange.entrance.scheme;
  }

  get id(): string {
    const { host, request } = this.#exchange;
    return (this.#id ??= host.ids.idOf(request.headers));
  }

  get log(): Logger {
    return (this.#log ??= this.#exchange.host.log.child({
      requestId: this.id,
    }));
  }

  get proxies(): Proxies | undefined {
    return this.#exchange.host.proxies;
  }

  get fromTrustedProxy(): boolean {
    return (
      this.proxies !== undefined &&
      this.peerAddress !== undefined &&
      this.proxies.trust(this.peerAddress)
    );
  }

  get peerAddress(): string | undefined {
    return (this.#peerAddress ??= this.#askPeer());
  }

  /** Later, the connections may be others. */
  #askPeer(): string | undefined {
    const { out, entrance } = this.#exchange;
    if (!out.open) return undefined;
    if (entrance.fronted) return toText(out.proxiedAddress());
    return entrance.peerAddress ?? toText(out.remoteAddress());
  }

  get proxiedAddress(): string | undefined {
    return (this.#proxiedAddress ??= toText(
      this.#exchange.out.proxiedAddress(),
    ));
  }

  /** For whoever asks after the end: the engine forgets them with the response. */
  keepAddresses(): void {
    void this.peerAddress;
    if (this.proxies?.header === "proxy-v2") void this.proxiedAddress;
  }

  get requestTimeoutMs(): number {
    return this.#exchange.limits.requestTimeoutMs;
  }

  get startedAt(): number {
    return performance.timeOrigin + this.#exchange.begin();
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
    const { out, limits, ended, detached, request } = this.#exchange;
    this.#body = new RequestBody(out, limits);
    if (ended) this.#body.release(new BodyUsedError("the exchange is over"));
    else if (!detached && request.hasBody) this.#body.receive(); // of none the engine does not always tell the end
    return this.#body;
  }

  get scope(): Scope {
    if (this.#nursery !== undefined) return this.#nursery.scope;
    if (this.#exchange.ended)
      throw new UsageError(
        "request.scope was asked for after the end of its exchange",
      );
    this.#exchange.hold();
    this.#nursery = attach(this.#exchange.host.scope, {
      onError: (error) =>
        this.log.warn({ err: error }, "a task of the request failed"),
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
    this.#body?.release(reason ?? new BodyUsedError("the exchange is over"));
    if (reason !== undefined) this.#abort?.abort(reason);
    if (this.#nursery !== undefined) this.#close(this.#nursery);
  }

  /** What is started in a scope that has ended would have nobody to end it, so it is not handed out any more. */
  #close(nursery: Nursery): void {
    const exchange = this.#exchange;
    const over = (): void => {
      this.#nursery = undefined;
      exchange.release();
    };
    if (nursery.tryEnd()) return over();
    void nursery
      .destroy()
      .catch((error: unknown) => exchange.strayError(error))
      .then(over);
  }
}

function toText(address: Uint8Array | undefined): string | undefined {
  return address && formatAddress(address);
}
