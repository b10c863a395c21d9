/** `eddy top`: the status in a terminal. */
import { get, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { call, race, sleep, type Operation } from "effection";
import { CommandFailure, EXIT } from "./failure.ts";
import { INTERVALS } from "./intervals.ts";
import { size } from "./kinds.ts";
import type { Status } from "./status.ts";
import { statusTarget } from "./status-server.ts";
import { ENDING, useSignals } from "./use-signals.ts";

const CLEAR = "\x1b[H\x1b[2J";

/** Refreshes until a signal ends it; without a terminal it prints once. */
export function* top(stats: string): Operation<void> {
  if (stats === "")
    throw new CommandFailure(
      EXIT.usage,
      "which eddy? name the address that it was given: eddy top --stats 127.0.0.1:1717",
    );
  if (!process.stdout.isTTY)
    return console.log(table(yield* call(() => ask(stats))));
  const signals = yield* useSignals(ENDING);
  yield* race([refresh(stats), signals.next()]);
}

function* refresh(stats: string): Operation<void> {
  let before: Status | undefined;
  for (;;) {
    const status = yield* call(() => ask(stats));
    process.stdout.write(`${CLEAR}${table(status, before)}\n`);
    before = status;
    yield* sleep(INTERVALS.reportMs);
  }
}

async function ask(stats: string): Promise<Status> {
  const target = statusTarget(stats);
  const signal = AbortSignal.timeout(INTERVALS.statusAnswerMs);
  try {
    const where = "path" in target ? { socketPath: target.path } : target;
    const [response] = (await once(
      get({ ...where, path: "/", signal }),
      "response",
    )) as [IncomingMessage];
    return statusIn((await response.setEncoding("utf8").toArray()).join(""));
  } catch (cause) {
    const why = signal.aborted ? "no answer" : (cause as Error).message;
    throw new CommandFailure(
      EXIT.failed,
      `no eddy tells its status at ${stats}: ${why}`,
      { cause },
    );
  }
}

/** @throws when it is somebody else's. */
function statusIn(body: string): Status {
  const status = JSON.parse(body) as Partial<Status> | null;
  if (status?.versions?.eddy === undefined)
    throw new Error("what answers there is not an eddy");
  return status as Status;
}

/** @param before the status of a second ago, for what has changed since. */
export function table(status: Status, before?: Status): string {
  const head = [
    `eddy ${status.versions.eddy}`,
    `supervisor ${status.pid}`,
    `up ${Math.round(status.uptimeMs / 1000)} s`,
    `${status.requests} requests`,
    `${status.restarts} restarts`,
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
  ].join("\n");
}

/** What stands behind the applications of each worker: nothing where they are all functions on the loop. */
function applicationLines({ workers }: Status): string[] {
  const names = ["part", "state", "in flight", "memory", ""];
  return workers.flatMap(({ pid, applications }) =>
    applications.flatMap(({ kind, name, queued, restarts, parts }) => [
      "",
      `${kind} ${name} of worker ${pid}, ${queued} requests waiting, ${restarts} restarts`,
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
