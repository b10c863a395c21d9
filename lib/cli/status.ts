/** The state of the supervisor and its workers, and what runs in them. */
import { all, type Operation } from "effection";
import type { Outcome, RouteFigures, SocketCounts, Tally } from "../index.ts";
import { noSockets } from "../websocket/counts.ts";
import { residentBytes } from "../status/memory.ts";
import { addFigures } from "../exchange/figures.ts";
import { mountStatus } from "../status/mounts.ts";
import { openFilesOf } from "../status/open-files.ts";
import { OLDEST, type Picture } from "../status/page.ts";
import type { ConnectionCounts } from "../engine/visits.ts";
import { VERSIONS } from "../status/versions.ts";
import type { Crash } from "./process-pool.ts";
import type { Settings } from "./schema.ts";
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

/** A process that serves, as the status sees it. */
export type Serving = Pick<
  WorkerProcess,
  | "pid"
  | "state"
  | "ageMs"
  | "report"
  | "lastReportMs"
  | "tally"
  | "lost"
  | "addresses"
  | "figures"
  | "ask"
  | "isProfiled"
  | "profile"
>;

/** All that serve: the pool of a supervisor, or one process without workers. */
export interface Workers {
  readonly workers: Iterable<Serving>;
  /** Those that take requests. */
  readonly ready: readonly Serving[];
  readonly restarts: number;
  readonly crashes: number;
  /** The sums of the workers that have ended. */
  readonly past: Partial<Record<keyof Tally, number>>;
  readonly pastFigures: readonly RouteFigures[];
  /** The last worker that has ended without having been told to. */
  readonly lastCrash: Crash | undefined;
  readonly settings: Pick<Settings, "maxRss">;
}

export function statusOf(pool: Workers) {
  return {
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1000),
    rss: residentBytes(),
    versions: VERSIONS,
    restarts: pool.restarts,
    crashes: pool.crashes,
    lastCrash: pool.lastCrash,
    /** Of all workers so far, by their last reports. */
    requests: total(pool, "accepted"),
    outcomes: Object.fromEntries(
      OUTCOMES.map((outcome) => [outcome, total(pool, outcome)]),
    ) as Record<Outcome, number>,
    /** Open ones now; of all workers that run, those that were closed at once or ended without a request. */
    connections: connectionsOf(pool),
    /** WebSockets of all workers that run. */
    sockets: socketsOf(pool),
    /** Of all workers so far. */
    mounts: figuresOf(pool).map(mountStatus),
    workers: [...pool.workers].map((worker) => statusOfWorker(worker, pool)),
  };
}

/** By mount, of all workers so far. */
export const figuresOf = ({ pastFigures, workers }: Workers) =>
  addFigures([
    ...pastFigures,
    ...[...workers].flatMap(({ figures }) => [...figures.values()]),
  ]);

function statusOfWorker(worker: Serving, { settings }: Workers) {
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
    sockets: socketsOfWorker(worker),
    loopDelayMs: report?.loopDelayMs ?? { mean: 0, max: 0 },
    rss: report?.rss ?? 0,
    /** With so much memory it is replaced. */
    maxRss: settings.maxRss,
    openFiles: openFilesOf(pid),
    linesLost: report?.linesLost ?? 0,
    mounts: [...worker.figures.values()].map(mountStatus),
    /** What runs in it, and what came last: what a worker that is stuck may be stuck in. */
    suspects: report?.suspects ?? [],
    applications: report?.applications ?? [],
  };
}

const NO_CONNECTIONS: ConnectionCounts = { open: 0, refused: 0, unserved: 0 };

function connectionsOf({ workers }: Workers): ConnectionCounts {
  const all = [...workers].map(({ report }) => report?.connections);
  return added({ ...NO_CONNECTIONS }, all);
}

function socketsOf({ workers }: Workers): SocketCounts {
  return added(noSockets(), [...workers].map(socketsOfWorker));
}

/** To `sum`; what is undefined has not been reported yet. */
function added<Counts extends { [Name in keyof Counts]: number }>(
  sum: Counts,
  all: readonly (Counts | undefined)[],
): Counts {
  for (const counts of all)
    for (const name in sum)
      sum[name] = (sum[name] + (counts?.[name] ?? 0)) as Counts[typeof name];
  return sum;
}

/** Lost are messages that it has not got out, and those that it has not read. */
function socketsOfWorker({ report, lost }: Serving): SocketCounts {
  const counts = report?.sockets ?? noSockets();
  return { ...counts, lost: counts.lost + lost };
}

function total({ past, workers }: Workers, name: keyof Tally): number {
  let sum = past[name] ?? 0;
  for (const { tally } of workers) sum += tally[name] ?? 0;
  return sum;
}

/** What runs in each worker that serves; `answers: false` for one that is stuck. */
export function* tasksOf(
  pool: Workers,
  oldest = Infinity,
): Operation<Picture["tasks"]> {
  return yield* all(
    pool.ready.map(function* (worker) {
      const { pid } = worker;
      const tasks = yield* worker.ask({ about: "tasks", oldest });
      return tasks ? { pid, ...tasks } : { pid, answers: false as const };
    }),
  );
}

/** What the page shows. */
export function* pictureOf(pool: Workers): Operation<Picture> {
  const tasks = yield* tasksOf(pool, OLDEST);
  return { status: statusOf(pool), tasks, orders: true };
}

/** The result of a request to halt an exchange. */
interface HaltResult {
  /** A worker had the exchange. */
  readonly halted: boolean;
  /** Pids of workers that did not answer. One of them may have it, and halts it as soon as it is not stuck any more. */
  readonly silent: readonly number[];
}

/** Halts an exchange, whichever worker has it. */
export function* haltIn(
  pool: Workers,
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
