/** What is wrong with this machine: Node.js, the engine, what the system allows. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { look, type Check, type Finding, type Setup } from "./finding.ts";
import { servesHttp10 } from "./setup.ts";
import { LEAST_FILES } from "./systemd.ts";

const { engines } = createRequire(import.meta.url)(
  "../../../../package.json",
) as {
  engines: { node: string };
};

/** The oldest Node.js. */
const OLDEST = engines.node.replace(/[^\d.]/g, "");

/** The day on which a line of Node.js gets its last fix (nodejs.org/en/about/previous-releases), by its number. */
const ENDS: Readonly<Record<number, string>> = {
  20: "2026-04-30",
  21: "2024-06-01",
  22: "2027-04-30",
  23: "2025-06-01",
  24: "2028-04-30",
  25: "2026-06-01",
};

interface Machine {
  readonly node: string;
  readonly now: Date;
  readonly setup: Setup;
  /** Files that this process may open. */
  readonly files: number;
  /** Connections that may wait at a socket (`net.core.somaxconn`). */
  readonly queue: number;
  /** Why uWebSockets.js does not load; nothing where it does. */
  readonly engineFault: string;
}

const CHECKS: readonly Check<Machine>[] = [
  {
    code: "node-end-of-life",
    wrong: ({ node, now }) => {
      const end = ENDS[parseInt(node)];
      return (
        end !== undefined &&
        now > new Date(end) &&
        `Node.js ${node} gets no fixes any more, since ${end}`
      );
    },
    todo: "a line of Node.js that is kept; docs/policy.md has those that eddy runs on",
  },
  {
    code: "engine",
    wrong: ({ engineFault, setup }) =>
      engineFault !== "" &&
      !servesHttp10(setup) &&
      (setup.settings.engine === "uws" ||
        !/Cannot find (package|module)/.test(engineFault)) &&
      `uWebSockets.js does not load: ${engineFault}`,
    todo: "a glibc and Node.js that it knows, or --engine node",
  },
  {
    code: "open-files",
    wrong: ({ files }) =>
      files < LEAST_FILES &&
      `a process may open ${files} files: each connection takes one, and further ones are closed`,
    todo: "ulimit -Hn 65536, LimitNOFILE= of systemd, or nofile of Docker",
  },
  {
    code: "listen-queue",
    wrong: ({ queue }) =>
      queue < 511 &&
      `${queue} connections may wait at a socket (net.core.somaxconn), eddy asks for 511: a burst is refused`,
    todo: "sysctl net.core.somaxconn=4096",
  },
];

/** `engineFault`: why uWebSockets.js does not load. */
export const lookAtMachine = (setup: Setup, engineFault: string): Finding[] => [
  ...versionFinding("this machine", process.versions.node),
  ...look(
    "this machine",
    {
      node: process.versions.node,
      now: new Date(),
      setup,
      files: openFiles(),
      queue: Number(readOr("/proc/sys/net/core/somaxconn", "4096")),
      engineFault,
    },
    CHECKS,
  ),
];

/** Of a version that may have one number or several. */
export function versionFinding(where: string, version: string): Finding[] {
  const [oldest, given] = [OLDEST, version].map((one) =>
    one.split(".").map(Number),
  );
  const at = given!.findIndex((number, i) => number !== (oldest![i] ?? 0));
  if (at < 0 || given![at]! > (oldest![at] ?? 0)) return [];
  return [
    {
      code: "node-version",
      where,
      what: `Node.js ${version} is older than ${OLDEST}, the oldest that eddy runs on`,
      todo: "a newer Node.js",
    },
  ];
}

/** The hard limit: Node.js raises the other one to it. */
function openFiles(): number {
  const [, hard = ""] =
    /^Max open files\s+\S+\s+(\S+)/m.exec(readOr("/proc/self/limits", "")) ??
    [];
  return hard === "" || hard === "unlimited" ? Infinity : Number(hard);
}

/** Elsewhere than on Linux there is no such file. */
function readOr(file: string, fallback: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return fallback;
  }
}
