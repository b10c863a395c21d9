/** `eddy top`: the status in a terminal. */
import { call, race, sleep, type Operation } from "effection";
import { askStatus, nobodyAt, type StatusAddress } from "./ask-status.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { counted } from "../common/counted.ts";
import { INTERVALS } from "./intervals.ts";
import { size } from "./kinds.ts";
import { OLDEST, type Picture } from "../status/page.ts";
import type { Status } from "./status.ts";
import { useEndings } from "./use-signals.ts";

const CLEAR = "\x1b[H\x1b[2J";

/** Refreshes until a signal ends it; without a terminal it prints once. */
export function* top(where: StatusAddress): Operation<void> {
  if (where.stats === "")
    throw new CommandFailure(
      EXIT.usage,
      "which eddy? name the address that it was given: eddy top --stats 127.0.0.1:1717",
    );
  if (!process.stdout.isTTY)
    return console.log(
      table(
        yield* call(() => ask(where)),
        undefined,
        yield* call(() => oldest(where)),
      ),
    );
  const signals = yield* useEndings();
  yield* race([refresh(where), signals.next()]);
}

function* refresh(where: StatusAddress): Operation<void> {
  let before: Status | undefined;
  for (;;) {
    const status = yield* call(() => ask(where));
    const tasks = yield* call(() => oldest(where));
    process.stdout.write(`${CLEAR}${table(status, before, tasks)}\n`);
    before = status;
    yield* sleep(INTERVALS.reportMs);
  }
}

/** The status that is told there. @throws {CommandFailure} saying why there is none. */
export async function ask(where: StatusAddress): Promise<Status> {
  return statusIn(where.stats, await read(where, "/"));
}

/** Those of all workers that have run for the longest. */
async function oldest(where: StatusAddress): Promise<Tasks> {
  return JSON.parse(await read(where, "/tasks/oldest")) as Tasks;
}

type Tasks = Picture["tasks"];

async function read(where: StatusAddress, path: string): Promise<string> {
  const { body } = await askStatus(
    where,
    path,
    "GET",
    INTERVALS.statusAnswerMs,
  );
  return body;
}

/** @throws {CommandFailure} when it is somebody else's. */
function statusIn(stats: string, body: string): Status {
  let status: Partial<Status> | null;
  try {
    status = JSON.parse(body) as Partial<Status> | null;
  } catch (cause) {
    throw nobodyAt(stats, (cause as Error).message, cause);
  }
  if (status?.versions?.eddy === undefined)
    throw nobodyAt(stats, "what answers there is not an eddy");
  return status as Status;
}

/** @param before the status of a second ago, for what has changed since. */
export function table(
  status: Status,
  before?: Status,
  tasks: Tasks = [],
): string {
  const head = [
    `eddy ${status.versions.eddy}`,
    `supervisor ${status.pid}`,
    `up ${Math.round(status.uptimeMs / 1000)} s`,
    counted(status.requests, "request"),
    counted(status.restarts, "restart"),
  ];
  const outcomes = Object.entries(status.outcomes).map(
    ([name, count]) => `${name} ${count}`,
  );
  const rows = status.workers.map((worker) => {
    const then = before?.workers.find(({ pid }) => pid === worker.pid);
    return [
      worker.pid,
      worker.state,
      worker.requests,
      then === undefined ? "" : worker.requests - then.requests,
      worker.inFlight,
      worker.loopDelayMs.max,
      megabytes(worker.rss),
    ].map(String);
  });
  const names = [
    "worker",
    "state",
    "requests",
    "a second",
    "in flight",
    "delay ms",
    "memory",
  ];
  return [
    head.join(", "),
    outcomes.join(", "),
    "",
    ...columns(names, rows),
    ...applicationLines(status),
    ...taskLines(tasks),
  ].join("\n");
}

/** The oldest of all workers, with what they wait for. Nothing where nothing runs. */
function taskLines(tasks: Tasks): string[] {
  const all = tasks.flatMap((worker) =>
    "answers" in worker
      ? []
      : [...worker.exchanges, ...worker.sockets].map((task) => ({
          ...task,
          pid: worker.pid,
        })),
  );
  if (all.length === 0) return [];
  const rows = all
    .sort((a, b) => b.ageMs - a.ageMs)
    .slice(0, OLDEST)
    .map(({ ageMs, pid, id, client, name, waitsFor = "" }) =>
      [(ageMs / 1000).toFixed(1), pid, id, client, name, waitsFor].map(String),
    );
  const names = ["age s", "worker", "id", "client", "oldest", "waits for"];
  return ["", ...columns(names, rows)];
}

/** What stands behind the applications of each worker: nothing where they are all functions on the loop. */
function applicationLines({ workers }: Status): string[] {
  const names = ["part", "state", "in flight", "memory", ""];
  return workers.flatMap(({ pid, applications }) =>
    applications.flatMap(({ kind, name, queued, restarts, parts }) => [
      "",
      `${kind} ${name} of worker ${pid}, ${counted(queued, "request")} waiting, ${counted(restarts, "restart")}`,
      ...columns(
        names,
        parts.map(({ name, state, inFlight, rss, why = "" }) => [
          name,
          state,
          String(inFlight),
          rss === undefined ? "" : megabytes(rss),
          why,
        ]),
      ),
    ]),
  );
}

const megabytes = (bytes: number): string =>
  size.show(Math.round(bytes / 1024 ** 2) * 1024 ** 2);

function columns(names: string[], rows: string[][]): string[] {
  const all = [names, ...rows];
  const widths = names.map((_, i) =>
    Math.max(9, ...all.map((row) => row[i]!.length)),
  );
  return all.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join(" ")
      .trimEnd(),
  );
}
