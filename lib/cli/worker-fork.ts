/** Starts the process of a worker, which waits for its orders. */
import {
  fork,
  type ChildProcess,
  type ForkOptions,
  type StdioOptions,
} from "node:child_process";
import { fileURLToPath } from "node:url";
import { CommandFailure, EXIT } from "./failure.ts";

const PRELOAD = new URL("../common/modules/preload.js", import.meta.url);
const ENTRY = fileURLToPath(new URL("./worker.js", import.meta.url));

/** Node throws some of the errors; it emits the others as an event of the process. */
export function forkWorker(options: ForkOptions): ChildProcess {
  try {
    return fork(ENTRY, { ...options, serialization: "advanced" });
  } catch (cause) {
    const refused = (cause as NodeJS.ErrnoException).code === "EPERM";
    throw new CommandFailure(
      refused ? EXIT.usage : EXIT.failed,
      `cannot start a worker: ${(cause as Error).message}` +
        (refused ? "; only root can run workers as another user or group" : ""),
      { cause },
    );
  }
}

/** It has started, and not ended. */
export const isRunning = (child: ChildProcess): boolean =>
  child.pid !== undefined &&
  child.exitCode === null &&
  child.signalCode === null;

/** Of Node, for the process of a worker: threads and forks of the application are given them, too. */
export const argumentsOf = ({ compiles }: { compiles: boolean }): string[] => [
  ...process.execArgv,
  ...(compiles ? ["--import", PRELOAD.href] : []),
];

/** For a child: its sockets come behind standard input, output, error and Node's channel. */
export const withSockets = (
  sockets: readonly number[],
): StdioOptions & unknown[] => [
  "inherit",
  "inherit",
  "inherit",
  "ipc",
  ...sockets,
];
