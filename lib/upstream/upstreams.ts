/**
 * The servers behind one application: who gets the next request, and who is left out for a while.
 *
 * | state   | gets                                     | becomes                                                        |
 * | ------- | ---------------------------------------- | -------------------------------------------------------------- |
 * | `up`    | its share                                | `out` after `maxFails` failures in a row                       |
 * | `out`   | nothing for `failTimeoutMs`, then a look | `trial` with the first request after that time                 |
 * | `trial` | no further request                       | `up` when that one is answered, `out` when it fails or is gone |
 *
 * Failures are those of the server itself: it cannot be reached, is silent, breaks off before a head, says what is no
 * HTTP. A status is an answer, whatever it says. When all are out, they get requests all the same: what would be
 * refused anyway may try.
 */
import type { Logger } from "../common/log.ts";
import type { Target } from "./target.ts";

export interface HealthSettings {
  readonly maxFails: number;
  readonly failTimeoutMs: number;
}

type State = "up" | "out" | "trial";

export class Upstream {
  readonly target: Target;
  /** Requests that it works on. */
  active = 0;
  readonly #settings: HealthSettings;
  #state: State = "up";
  #failures = 0;
  #outUntil = 0;

  constructor(target: Target, settings: HealthSettings) {
    this.target = target;
    this.#settings = settings;
  }

  get eligible(): boolean {
    return (
      this.#state === "up" ||
      (this.#state === "out" && performance.now() >= this.#outUntil)
    );
  }

  /** It gets a request, which is to be released once. */
  take(): void {
    this.active++;
    if (this.#state === "out") this.#state = "trial";
  }

  release(): void {
    this.active--;
    if (this.#state === "trial") this.#state = "out"; // neither answered nor failed: the next may try
  }

  answered(log: Logger): void {
    if (this.#state !== "up") log.info(`upstream ${this.target.name} is back`);
    this.#state = "up";
    this.#failures = 0;
  }

  failed(log: Logger): void {
    const { maxFails, failTimeoutMs } = this.#settings;
    if (++this.#failures < maxFails && this.#state === "up") return;
    if (this.#state === "up")
      log.warn(
        `upstream ${this.target.name} is left out for ${failTimeoutMs} ms`,
      );
    this.#state = "out";
    this.#outUntil = performance.now() + failTimeoutMs;
  }
}

export class Upstreams {
  readonly all: readonly Upstream[];
  #last = -1;

  constructor(targets: readonly Target[], settings: HealthSettings) {
    this.all = targets.map((target) => new Upstream(target, settings));
  }

  /** The one with the fewest requests, in turn among equals; of those not `tried`, and of those that work, if there are any. */
  choose(tried: ReadonlySet<Upstream>): Upstream {
    const fresh = this.all.filter((one) => !tried.has(one));
    const eligible = fresh.filter((one) => one.eligible);
    const chosen = this.#leastBusy(
      [eligible, fresh, this.all].find((some) => some.length > 0)!,
    );
    this.#last = this.all.indexOf(chosen);
    return chosen;
  }

  #leastBusy(some: readonly Upstream[]): Upstream {
    const turn = (one: Upstream): number =>
      (this.all.indexOf(one) - this.#last - 1 + this.all.length) %
      this.all.length;
    return some.reduce((best, one) =>
      one.active < best.active ||
      (one.active === best.active && turn(one) < turn(best))
        ? one
        : best,
    );
  }
}
