/** How long requests took, as a histogram of Prometheus: from counts that the workers have made. */
import type { Metric } from "prom-client";
import type { MountStatus } from "../status/mounts.ts";

/** Seconds: those of OpenTelemetry's `http.server.request.duration`, and three below for what is answered at once. */
const BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75,
  1, 2.5, 5, 7.5, 10,
];

const NAME = "eddy_request_duration_seconds";

/** An exemplar may say 128 characters, its label's name among them; with more, Prometheus refuses the whole answer. */
const MAX_ID = 128 - "request_id".length;

interface Value {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly exemplar?: object | undefined;
}

/**
 * A request counts below a bound when all of its own bucket are below it: one that took up to an eighth less may count
 * above. The exemplar of the slowest names its id, by which the logs have it; only OpenMetrics shows those.
 */
export function durationMetric(mounts: readonly MountStatus[]): Metric {
  const values = mounts.flatMap(valuesOf);
  const help = "How long requests took, to the end of their replies";
  const it = { name: NAME, help, type: "histogram", aggregator: "sum", values };
  // What prom-client asks a metric for. Its own would observe each request once more.
  return { name: NAME, get: async () => it } as unknown as Metric;
}

function valuesOf({ mount, buckets, requests, sumMs, slowest }: MountStatus) {
  const slowestS = (slowest?.durationMs ?? 0) / 1000;
  const exemplar =
    slowest === undefined || slowest.id.length > MAX_ID
      ? undefined
      : {
          labelSet: { request_id: slowest.id },
          value: slowestS,
          timestamp: slowest.at / 1000,
        };
  const home = BOUNDS.find((bound) => slowestS <= bound) ?? "+Inf";
  const below = (bound: number): number =>
    buckets.reduce((sum, [ms, n]) => (ms <= bound * 1000 ? sum + n : sum), 0);
  const bucket = (le: number | "+Inf", value: number): Value => ({
    metricName: `${NAME}_bucket`,
    labels: { mount, le },
    value,
    exemplar: le === home ? exemplar : undefined,
  });
  return [
    ...BOUNDS.map((bound) => bucket(bound, below(bound))),
    bucket("+Inf", requests),
    { metricName: `${NAME}_sum`, labels: { mount }, value: sumMs / 1000 },
    { metricName: `${NAME}_count`, labels: { mount }, value: requests },
  ];
}
