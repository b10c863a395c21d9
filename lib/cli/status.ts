/** The state of the supervisor and its workers, and what runs in them. */
import { all, type Operation } from "effection";
import type { Outcome, Tally } from "../index.ts";
import { residentBytes } from "./memory.ts";
import type { ConnectionCounts } from "../engine/visits.ts";
import type { ProcessPool } from "./process-pool.ts";
import { VERSIONS } from "./versions.ts";
import type { WorkerProcess } from "./worker-process.ts";

export type Status = ReturnType<typeof statusOf>;

const OUTCOMES: readonly Outcome[] = [
  "ok",
  "abort",
  "timeout",
  "error",
  "shed",
  "drain",
];

export function statusOf(pool: ProcessPool) {
  return {
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1000),
    rss: residentBytes(),
    versions: VERSIONS,
    restarts: pool.restarts,
    /** Of all workers so far, by their last reports. */
    requests: total(pool, "accepted"),
    outcomes: Object.fromEntries(
      OUTCOMES.map((outcome) => [outcome, total(pool, outcome)]),
    ) as Record<Outcome, number>,
    /** Open ones now; of all workers that run, those that were closed at once or ended without a request. */
    connections: connectionsOf(pool),
    workers: [...pool.workers].map(statusOfWorker),
  };
}

function statusOfWorker(worker: WorkerProcess) {
  const { pid, state, ageMs, report, lastReportMs } = worker;
  const { accepted: requests = 0, ...outcomes } = worker.tally;
  return {
    pid,
    state,
    uptimeMs: ageMs,
    lastReportMs,
    requests,
    outcomes,
    inFlight: report?.inFlight ?? 0,
    connections: report?.connections ?? NO_CONNECTIONS,
    loopDelayMs: report?.loopDelayMs ?? { mean: 0, max: 0 },
    rss: report?.rss ?? 0,
    applications: report?.applications ?? [],
  };
}

const NO_CONNECTIONS: ConnectionCounts = { open: 0, refused: 0, unserved: 0 };

function connectionsOf({ workers }: ProcessPool): ConnectionCounts {
  const sum = { ...NO_CONNECTIONS };
  for (const { report } of workers)
    for (const name of ["open", "refused", "unserved"] as const)
      sum[name] += report?.connections[name] ?? 0;
  return sum;
}

function total({ past, workers }: ProcessPool, name: keyof Tally): number {
  let sum = past[name] ?? 0;
  for (const { tally } of workers) sum += tally[name] ?? 0;
  return sum;
}

/** What runs in each worker that serves; `answers: false` for one that is stuck. */
export function* tasksOf(pool: ProcessPool): Operation<object[]> {
  return yield* all(
    pool.ready.map(function* (worker) {
      const tasks = yield* worker.ask({ about: "tasks" });
      return { pid: worker.pid, ...(tasks ?? { answers: false }) };
    }),
  );
}

/** The result of a request to halt an exchange. */
export interface HaltResult {
  /** A worker had the exchange. */
  readonly halted: boolean;
  /** Pids of workers that did not answer. One of them may have it, and halts it as soon as it is not stuck any more. */
  readonly silent: readonly number[];
}

/** Halts an exchange, whichever worker has it. */
export function* haltIn(
  pool: ProcessPool,
  exchange: string,
): Operation<HaltResult> {
  const workers = pool.ready;
  const answers = yield* all(
    workers.map((worker) => worker.ask({ about: "halt", exchange })),
  );
  return {
    halted: answers.includes(true),
    silent: workers
      .filter((_, i) => answers[i] === undefined)
      .map(({ pid }) => pid),
  };
}
