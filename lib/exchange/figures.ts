/** What the requests of a mount or route came to: outcomes, statuses, durations, and the sockets among them. */
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import { bucketOf, noDurations, type Durations } from "../common/histogram.ts";
import type { Outcome } from "../common/errors.ts";
import type { GatewayRequest } from "../request/request.ts";
import { addCounts, type PlaceCounts } from "../websocket/counts.ts";
import type { Place } from "../websocket/place.ts";

/** Since the start. Plain data, which several processes can add up: `addFigures`. */
export interface RouteFigures {
  /** The prefix of a mount, the pattern of a route; `(none)` for what nobody serves. */
  readonly mount: string;
  readonly requests: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Replies by the first digit of their status; at 0 the requests that had none. */
  readonly statuses: readonly number[];
  /** From a request to the end of its reply, which may be a stream. */
  readonly durations: Durations;
  readonly sumMs: number;
  /** Of the last minute or two. */
  readonly slowest: Slowest | undefined;
  /** Undefined where no connection can be upgraded. */
  readonly sockets: PlaceCounts | undefined;
}

/** A request, by which its lines in the log are found. */
export interface Slowest {
  readonly id: string;
  readonly durationMs: number;
  /** When it ended: milliseconds since 1970. */
  readonly at: number;
}

/** For so long the slowest request is told. */
const SLOWEST_MS = 60_000;

export const noOutcomes = (): Record<Outcome, number> => ({
  ok: 0,
  abort: 0,
  timeout: 0,
  error: 0,
  shed: 0,
  drain: 0,
});

export class Figures implements Omit<RouteFigures, "sockets"> {
  readonly mount: string;
  /** Where connections can be upgraded. */
  readonly places = new Set<Place>();
  readonly outcomes = noOutcomes();
  readonly statuses = [0, 0, 0, 0, 0, 0];
  readonly durations = noDurations();
  sumMs = 0;
  slowest: Slowest | undefined;
  #slowestMs = 0;

  constructor(mount: string) {
    this.mount = mount;
  }

  get requests(): number {
    return Object.values(this.outcomes).reduce((sum, count) => sum + count, 0);
  }

  /** Hot path. The id of a request is made when somebody asks for it: here for one that was slower than all before. */
  count(
    request: GatewayRequest,
    outcome: Outcome,
    status: number | undefined,
    durationMs: number,
  ): void {
    this.outcomes[outcome]++;
    this.statuses[status === undefined ? 0 : (status / 100) | 0]!++;
    this.durations[bucketOf(durationMs)]!++;
    this.sumMs += durationMs;
    if (durationMs > this.#slowestMs) {
      this.#slowestMs = durationMs;
      const at = performance.timeOrigin + performance.now();
      this.slowest = { id: request.id, durationMs, at };
    }
  }

  /** As they are now. */
  view(): RouteFigures {
    const { mount, requests, slowest, sumMs } = this;
    if (slowest !== undefined && Date.now() - slowest.at > SLOWEST_MS)
      this.#slowestMs = 0; // it is told until there is another one
    return {
      mount,
      requests,
      outcomes: { ...this.outcomes },
      statuses: [...this.statuses],
      durations: this.durations.slice(),
      sumMs,
      slowest,
      sockets: sumOf([...this.places].map(({ counts }) => counts)),
    };
  }
}

const sumOf = (
  all: readonly (PlaceCounts | undefined)[],
): PlaceCounts | undefined => {
  const some = all.filter((one) => one !== undefined);
  return some.length === 0 ? undefined : addCounts(some);
};

/** The sums by mount. */
export function addFigures(all: Iterable<RouteFigures>): RouteFigures[] {
  const sums = new Map<string, RouteFigures>();
  for (const one of all) {
    const sum = sums.get(one.mount);
    sums.set(one.mount, sum === undefined ? one : added(sum, one));
  }
  return [...sums.values()].sort((a, b) => (a.mount < b.mount ? -1 : 1));
}

function added(one: RouteFigures, other: RouteFigures): RouteFigures {
  const outcomes = noOutcomes();
  for (const name of Object.keys(outcomes) as Outcome[])
    outcomes[name] = one.outcomes[name] + other.outcomes[name];
  const [a, b] = [one.slowest, other.slowest];
  return {
    mount: one.mount,
    requests: one.requests + other.requests,
    outcomes,
    statuses: one.statuses.map((count, i) => count + other.statuses[i]!),
    durations: one.durations.map((count, i) => count + other.durations[i]!),
    sumMs: one.sumMs + other.sumMs,
    slowest: (a?.durationMs ?? 0) > (b?.durationMs ?? 0) ? a : b,
    sockets: sumOf([one.sockets, other.sockets]),
  };
}

/** What stays when their process has ended: nothing is open there any more. */
export const afterTheEnd = (figures: RouteFigures): RouteFigures => ({
  ...figures,
  sockets: figures.sockets && { ...figures.sockets, open: 0, subscriptions: 0 },
});
