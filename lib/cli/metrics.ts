/** The status in Prometheus' format. */
import type { Gauge } from "prom-client";
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
  addApplications(status, (name, help, labelNames) => {
    return new Gauge({ name, help, labelNames, registers });
  });
  return await register.metrics();
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
