/**
 * The servers behind one application: who gets the next request, and who is left out for a while.
 *
 * | state   | gets                          | becomes                                                        |
 * | ------- | ----------------------------- | -------------------------------------------------------------- |
 * | `up`    | its share                     | `out` after `maxFails` failures in a row                       |
 * | `out`   | nothing for `failTimeoutMs`   | `trial` with the first request after that time                 |
 * | `trial` | no further request            | `up` when that one is answered, `out` when it fails or is gone |
 *
 * Failures are those of the server itself: it cannot be reached, is silent, breaks off before a head, does not speak
 * valid HTTP. A status is an answer, whatever it says. When all are out, they get requests all the same: a request that
 * would be refused anyway may as well try.
 */
import type { Logger } from "../common/log.ts";
import type { UpstreamAddress, UpstreamSettings } from "./options.ts";

type State = "up" | "out" | "trial";

export class Upstream {
  readonly address: UpstreamAddress;
  /** Requests that it works on. */
  active = 0;
  readonly settings: UpstreamSettings;
  #state: State = "up";
  #failures = 0;
  #outUntil = 0;
  /** What the last failure was. */
  #why: string | undefined;

  constructor(address: UpstreamAddress, settings: UpstreamSettings) {
    this.address = address;
    this.settings = settings;
  }

  get eligible(): boolean {
    return (
      this.#state === "up" ||
      (this.#state === "out" && performance.now() >= this.#outUntil)
    );
  }

  /** It gets a request; `release` is called once when that is over. */
  acquire(): void {
    this.active++;
    if (this.#state === "out") this.#state = "trial";
  }

  release(): void {
    this.active--;
    if (this.#state === "trial") this.#state = "out"; // neither answered nor failed: the next request may try
  }

  answered(log: Logger): void {
    if (this.#state !== "up") log.info(`upstream ${this.address.name} is back`);
    this.#state = "up";
    this.#failures = 0;
    this.#why = undefined;
  }

  failed(log: Logger, error: Error): void {
    const { maxFails, failTimeoutMs } = this.settings;
    this.#why = error.message;
    if (++this.#failures < maxFails && this.#state === "up") return;
    if (this.#state === "up")
      log.warn(
        `upstream ${this.address.name} is left out for ${failTimeoutMs} ms: ${error.message}`,
      );
    this.#state = "out";
    this.#outUntil = performance.now() + failTimeoutMs;
  }

  /** How it is, for operators. */
  status() {
    return {
      name: this.address.name,
      state: this.#state,
      inFlight: this.active,
      why: this.#why,
    };
  }
}

export class Upstreams {
  readonly all: readonly Upstream[];
  #last = -1;

  constructor(
    addresses: readonly UpstreamAddress[],
    settings: UpstreamSettings,
  ) {
    this.all = addresses.map((one) => new Upstream(one, settings));
  }

  /** For `OpenApplication`; `kind`: what they speak. */
  status(kind: string) {
    const parts = this.all.map((one) => one.status());
    const name = parts.map((part) => part.name).join(", ");
    return { kind, name, queued: 0, restarts: 0, parts };
  }

  /**
   * The one with the fewest requests, in turn among equals; of those that work and were not `tried`, if there are any,
   * else of those not `tried`, else of all.
   */
  choose(tried: ReadonlySet<Upstream>): Upstream {
    const next = this.#last + 1;
    const inTurn = [...this.all.slice(next), ...this.all.slice(0, next)];
    const fresh = inTurn.filter((one) => !tried.has(one));
    const eligible = fresh.filter((one) => one.eligible);
    const candidates = [eligible, fresh, inTurn].find(({ length }) => length)!;
    const chosen = candidates.reduce((best, one) =>
      one.active < best.active ? one : best,
    );
    this.#last = this.all.indexOf(chosen);
    return chosen;
  }
}
