/** What is wrong with an eddy that runs, by its own status. */
import { INTERVALS } from "../intervals.ts";
import type { Status } from "../status.ts";
import { VERSIONS } from "../../status/versions.ts";
import { look, type Check, type Finding } from "./finding.ts";

/** Later than that, clients notice. */
const LATE_MS = 200;

/** Of all requests: fewer are somebody's bad day. */
const SHARE = 0.01;

const CHECKS: readonly Check<Status>[] = [
  {
    code: "worker-silent",
    wrong: ({ workers }) => {
      const silent = workers.find(
        ({ lastReportMs }) =>
          lastReportMs > INTERVALS.reportMs + INTERVALS.headStartMs,
      );
      return (
        silent !== undefined &&
        `worker ${silent.pid} has not reported for ${Math.round(silent.lastReportMs / 1000)} s: it is stuck, or stopped`
      );
    },
    todo: "its log names what holds the loop; work that blocks belongs into threads",
  },
  {
    code: "workers-restart",
    wrong: ({ crashes, uptimeMs }) =>
      crashes > Math.max(2, uptimeMs / HOUR_MS) &&
      `workers ended by themselves ${crashes} times in ${(uptimeMs / HOUR_MS).toFixed(1)} h`,
    todo: "the log says at level error how each ended",
  },
  {
    code: "loop-late",
    wrong: ({ workers }) => {
      const late = workers.find(({ loopDelayMs: { max } }) => max > LATE_MS);
      return (
        late !== undefined &&
        `the event loop of worker ${late.pid} was late by ${Math.round(late.loopDelayMs.max)} ms in its last second`
      );
    },
    todo: "eddy profile PID shows what it does; stallWarnMs names handlers that keep it to themselves",
  },
  {
    code: "requests-failed",
    wrong: ({ requests, outcomes: { error, timeout } }) =>
      error + timeout > requests * SHARE &&
      `${error} requests of ${requests} failed, ${timeout} took too long`,
    todo: "each has a line at level error, with its id",
  },
  {
    code: "requests-shed",
    wrong: ({ outcomes: { shed } }) =>
      shed > 0 &&
      `${shed} requests were refused because too many ran (maxConcurrent, maxConnectionsPerClient)`,
    todo: "more workers, or find what the others wait for: eddy top, GET /tasks",
  },
  {
    code: "connections-unserved",
    wrong: ({ requests, connections: { unserved, refused } }) =>
      unserved + refused > Math.max(10, requests * SHARE) &&
      `${unserved} connections ended without a request that was understood, ${refused} were closed at once`,
    todo: "docs/operations.md, Connections without a request: HTTP/1.0 of a proxy, TLS on a plain port",
  },
  {
    code: "part-out",
    wrong: ({ workers }) => {
      for (const { applications } of workers)
        for (const { kind, name, parts } of applications)
          for (const part of parts)
            if (part.state === "out")
              return `${kind} ${name} leaves ${part.name} out: ${part.why ?? "it does not answer"}`;
      return undefined;
    },
    todo: "start that server again, or take it off the list",
  },
  {
    code: "old-release",
    wrong: ({ versions }) => {
      const [name, now] =
        Object.entries(VERSIONS).find(
          ([of, version]) => versions[of] !== version,
        ) ?? [];
      return (
        name !== undefined &&
        `it runs ${name} ${versions[name]}, here ${now} is installed`
      );
    },
    todo: "kill -USR2 to the supervisor, or a restart",
  },
];

const HOUR_MS = 3_600_000;

export const lookAtStatus = (where: string, status: Status): Finding[] =>
  look(where, status, CHECKS);
