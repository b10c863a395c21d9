/** The status in Prometheus' format. */
import type { Gauge, RegistryContentType } from "prom-client";
import { durationMetric } from "./duration-metric.ts";
import { addMountSockets, OF_SOCKETS } from "./socket-metrics.ts";
import type { Status } from "./status.ts";

type Worker = Status["workers"][number];

/** Undefined: not to be told. */
const OF_WORKERS: readonly [
  name: string,
  help: string,
  of: (worker: Worker) => number | undefined,
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
  ...OF_SOCKETS,
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
  [
    "eddy_worker_open_files",
    "Files that the worker has open, connections among them",
    ({ openFiles }) => openFiles?.open,
  ],
  [
    "eddy_worker_open_files_max",
    "Files that the worker may have open",
    ({ openFiles }) => openFiles?.limit,
  ],
  [
    "eddy_worker_log_lines_lost",
    "Lines of the worker's logs that there was no room for, since it started",
    ({ linesLost }) => linesLost,
  ],
  [
    "eddy_worker_last_report_age_seconds",
    "Time since the worker's last report",
    ({ lastReportMs }) => lastReportMs / 1000,
  ],
];

type Application = Worker["applications"][number];
type Part = Application["parts"][number];

const OF_APPLICATIONS: readonly [
  name: string,
  help: string,
  of: (application: Application) => number,
][] = [
  [
    "eddy_application_requests_queued",
    "Requests that wait for a process or a thread of the application",
    ({ queued }) => queued,
  ],
  [
    "eddy_application_restarts",
    "Processes and threads of the application started in place of others, since its worker started",
    ({ restarts }) => restarts,
  ],
];

/** Of processes, threads and servers behind the applications. Undefined: not to be told. */
const OF_PARTS: readonly [
  name: string,
  help: string,
  of: (part: Part) => number | undefined,
][] = [
  [
    "eddy_application_part_requests_in_flight",
    "Requests that a process, a thread or a server of the application has",
    ({ inFlight }) => inFlight,
  ],
  [
    "eddy_application_part_resident_memory_bytes",
    "Resident memory of a process of the application",
    ({ rss }) => rss,
  ],
];

/** Whoever asks takes OpenMetrics, which has exemplars, too. */
export const wantsOpenMetrics = (accept: string | undefined): boolean =>
  accept?.includes("application/openmetrics-text") === true;

/** A registry for one answer, because the workers keep the numbers. */
export async function metricsOf(
  status: Status,
  isOpen = false,
): Promise<{ type: string; body: string }> {
  const { Counter, Gauge, Registry } = await import("prom-client"); // slow to load, and seldom needed
  const type = isOpen
    ? Registry.OPENMETRICS_CONTENT_TYPE
    : Registry.PROMETHEUS_CONTENT_TYPE;
  const register = new Registry<RegistryContentType>();
  register.setContentType(type);
  const registers = [register];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers });
  const requests = counter(
    "eddy_requests_total",
    "Requests that have ended, by outcome",
    ["outcome"],
  );
  for (const [outcome, count] of Object.entries(status.outcomes))
    requests.inc({ outcome }, count);
  counter(
    "eddy_worker_restarts_total",
    "Workers started in place of another one",
  ).inc(status.restarts);
  counter(
    "eddy_worker_crashes_total",
    "Workers that have ended without having been told to",
  ).inc(status.crashes);
  const workers = gauge("eddy_workers", "Workers, by state", ["state"]);
  for (const { state } of status.workers) workers.inc({ state });
  for (const [name, help, of] of OF_WORKERS) {
    const one = gauge(name, help, ["pid"]);
    for (const worker of status.workers) {
      const value = of(worker);
      if (value !== undefined) one.set({ pid: worker.pid }, value);
    }
  }
  const outcomes = counter(
    "eddy_mount_requests_total",
    "Requests of a mount or route that have ended, by outcome",
    ["mount", "outcome"],
  );
  const replies = counter(
    "eddy_mount_replies_total",
    "Replies of a mount or route, by the class of their status",
    ["mount", "status"],
  );
  for (const { mount, ...its } of status.mounts) {
    for (const [outcome, count] of Object.entries(its.outcomes))
      outcomes.inc({ mount, outcome }, count);
    for (const [status, count] of Object.entries(its.statuses))
      replies.inc({ mount, status }, count);
  }
  register.registerMetric(durationMetric(status.mounts));
  addMountSockets(status.mounts, { gauge, counter });
  addApplications(status, gauge);
  return { type, body: await register.metrics() };
}

type MakeGauge = (
  name: string,
  help: string,
  labelNames: string[],
) => Gauge<string>;

/** What stands behind the applications of each worker. */
function addApplications({ workers }: Status, gauge: MakeGauge): void {
  const applications = workers.flatMap(({ pid, applications }) =>
    applications.map((application) => ({
      application,
      labels: { pid, application: application.name },
    })),
  );
  for (const [name, help, of] of OF_APPLICATIONS) {
    const one = gauge(name, help, ["pid", "application"]);
    for (const { application, labels } of applications)
      one.set(labels, of(application));
  }
  const states = gauge(
    "eddy_application_parts",
    "Processes, threads and servers of the application, by state",
    ["pid", "application", "kind", "state"],
  );
  for (const { application, labels } of applications)
    for (const { state } of application.parts)
      states.inc({ ...labels, kind: application.kind, state });
  for (const [name, help, of] of OF_PARTS) {
    const one = gauge(name, help, ["pid", "application", "part"]);
    for (const { application, labels } of applications)
      for (const part of application.parts) {
        const value = of(part);
        if (value !== undefined) one.set({ ...labels, part: part.name }, value);
      }
  }
}
