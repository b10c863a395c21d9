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
 *
 * Apart from that, one that is asked for its health and does not answer well is left out until it does: it may go on to
 * answer requests while it ends.
 */
import { createHash } from "node:crypto";
import type { Logger } from "../common/log.ts";
import type { GatewayRequest } from "../request/request.ts";
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
  /** Bad answers in a row to whoever asks for its health. */
  #badAnswers = 0;
  /** What is wrong with its health. */
  #illness: string | undefined;

  constructor(address: UpstreamAddress, settings: UpstreamSettings) {
    this.address = address;
    this.settings = settings;
  }

  get eligible(): boolean {
    if (this.#illness !== undefined) return false;
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

  /** It was asked for its health. `problem`: what is wrong with the answer; undefined where it is well. */
  checked(log: Logger, problem: string | undefined): void {
    const { name } = this.address;
    if (problem === undefined) {
      if (this.#illness !== undefined)
        log.info(`upstream ${name} is well again`);
      this.#badAnswers = 0;
      this.#illness = undefined;
      this.answered(log);
    } else if (++this.#badAnswers >= this.settings.maxFails) {
      if (this.#illness === undefined)
        log.warn(`upstream ${name} is left out until it is well: ${problem}`);
      this.#illness = problem;
    }
  }

  /** How it is, for operators. */
  status() {
    return {
      name: this.address.name,
      state: this.#illness === undefined ? this.#state : "out",
      inFlight: this.active,
      why: this.#illness ?? this.#why,
    };
  }
}

export class Upstreams {
  readonly all: readonly Upstream[];
  readonly balance: string;
  readonly healthCheck: string | undefined;
  #last = -1;

  constructor(
    addresses: readonly UpstreamAddress[],
    settings: UpstreamSettings,
  ) {
    this.balance = settings.balance;
    this.healthCheck = settings.healthCheck;
    this.all = addresses.map((one) => new Upstream(one, settings));
  }

  /** For `OpenApplication`; `kind`: what they speak. */
  status(kind: string) {
    const parts = this.all.map((one) => one.status());
    const name = parts.map((part) => part.name).join(", ");
    return { kind, name, queued: 0, restarts: 0, parts };
  }

  /**
   * The one with the fewest requests, in turn among equals, or with a `key` the one that has drawn it; of those that
   * work and were not `tried`, if there are any, else of those not `tried`, else of all.
   */
  choose(tried: ReadonlySet<Upstream>, key?: string): Upstream {
    const next = this.#last + 1;
    const inTurn = [...this.all.slice(next), ...this.all.slice(0, next)];
    const fresh = inTurn.filter((one) => !tried.has(one));
    const eligible = fresh.filter((one) => one.eligible);
    const candidates = [eligible, fresh, inTurn].find(({ length }) => length)!;
    if (key !== undefined) return drawn(key, candidates);
    const chosen = candidates.reduce((best, one) =>
      one.active < best.active ? one : best,
    );
    this.#last = this.all.indexOf(chosen);
    return chosen;
  }
}

/**
 * Rendezvous hashing: each server draws a number for the key, and the highest has it. When one is left out, its keys
 * are spread over the others, and no other key moves.
 */
function drawn(key: string, candidates: readonly Upstream[]): Upstream {
  const draw = ({ address }: Upstream): string =>
    createHash("sha1").update(`${address.name} ${key}`).digest("hex");
  const draws = candidates.map((one) => [draw(one), one] as const);
  return draws.reduce((best, one) => (one[0] > best[0] ? one : best))[1];
}

/** What a request is balanced by; undefined where it has nothing of the kind. */
export function keyOf(
  { headers, cookies }: Pick<GatewayRequest, "headers" | "cookies">,
  balance: string,
): string | undefined {
  const [kind, name = ""] = balance.split(":");
  if (kind === "least") return undefined;
  return kind === "header" ? headers.get(name) : cookies[name];
}
