/** What the requests of mounts and routes came to, as the status has it. */
import { filled, quantileMs } from "../common/histogram.ts";
import type { Outcome } from "../common/errors.ts";
import type { RouteFigures, Slowest } from "../exchange/figures.ts";
import type { PlaceCounts } from "../websocket/counts.ts";

/** Since the start. Plain data. */
export interface MountStatus {
  readonly mount: string;
  readonly requests: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** By class: `"2xx"`; `"none"` for those whose client went away before. */
  readonly statuses: Readonly<Record<string, number>>;
  /** At most an eighth too much, the mean excepted. */
  readonly latencyMs: {
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
  };
  /** Of all their durations. */
  readonly sumMs: number;
  /** Of the last minute or two. */
  readonly slowest: Slowest | undefined;
  /** Undefined where no connection can be upgraded. */
  readonly sockets: PlaceCounts | undefined;
  /** How many took less than so many milliseconds, and not less than the one before. */
  readonly buckets: readonly (readonly [upperMs: number, count: number])[];
}

export function mountStatus(figures: RouteFigures): MountStatus {
  const { durations, statuses, ...rest } = figures;
  const { requests, sumMs } = rest;
  return {
    ...rest,
    statuses: Object.fromEntries(
      statuses
        .map((count, i) => [i === 0 ? "none" : `${i}xx`, count] as const)
        .filter(([, count]) => count > 0),
    ),
    latencyMs: {
      mean: requests === 0 ? 0 : Math.round((sumMs / requests) * 1000) / 1000,
      p50: quantileMs(durations, 0.5),
      p95: quantileMs(durations, 0.95),
      p99: quantileMs(durations, 0.99),
    },
    buckets: filled(durations),
  };
}
