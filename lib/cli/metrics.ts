/** The status in Prometheus' format. */
import type { Status } from "./status.ts";

type Worker = Status["workers"][number];

const OF_WORKERS: readonly [
  name: string,
  help: string,
  of: (worker: Worker) => number,
][] = [
  [
    "eddy_requests_in_flight",
    "Requests that run now",
    ({ inFlight }) => inFlight,
  ],
  [
    "eddy_connections",
    "Connections that are open",
    ({ connections }) => connections.open,
  ],
  [
    "eddy_connections_refused",
    "Connections closed at once since the worker started, for maxConnectionsPerClient",
    ({ connections }) => connections.refused,
  ],
  [
    "eddy_connections_unserved",
    "Connections that ended without a request that was understood, since the worker started",
    ({ connections }) => connections.unserved,
  ],
  [
    "eddy_event_loop_delay_seconds",
    "Mean delay of the event loop within the last second",
    ({ loopDelayMs }) => loopDelayMs.mean / 1000,
  ],
  [
    "eddy_event_loop_delay_max_seconds",
    "Longest delay of the event loop within the last second",
    ({ loopDelayMs }) => loopDelayMs.max / 1000,
  ],
  [
    "eddy_worker_resident_memory_bytes",
    "Resident memory of the worker",
    ({ rss }) => rss,
  ],
];

/** A registry for one answer, because the workers keep the numbers. */
export async function metricsOf(status: Status): Promise<string> {
  const { Counter, Gauge, Registry } = await import("prom-client"); // slow to load, and seldom needed
  const register = new Registry();
  const registers = [register];
  const requests = new Counter({
    name: "eddy_requests_total",
    help: "Requests that have ended, by outcome",
    labelNames: ["outcome"],
    registers,
  });
  for (const [outcome, count] of Object.entries(status.outcomes))
    requests.inc({ outcome }, count);
  new Counter({
    name: "eddy_worker_restarts_total",
    help: "Workers started in place of another one",
    registers,
  }).inc(status.restarts);
  const workers = new Gauge({
    name: "eddy_workers",
    help: "Workers, by state",
    labelNames: ["state"],
    registers,
  });
  for (const { state } of status.workers) workers.inc({ state });
  for (const [name, help, of] of OF_WORKERS) {
    const gauge = new Gauge({ name, help, labelNames: ["pid"], registers });
    for (const worker of status.workers)
      gauge.set({ pid: worker.pid }, of(worker));
  }
  return await register.metrics();
}
