/** `eddy reload`: has a supervisor reload, and waits for what becomes of it. */
import { setTimeout } from "node:timers/promises";
import { CommandFailure, EXIT } from "./failure.ts";
import { runningPid, signalSupervisor } from "./pid-file.ts";
import { readReport } from "./reload-report.ts";

/**
 * Done when it has reloaded; at once where it can write no report.
 *
 * @throws {CommandFailure} when there is none, or not all of its workers are new.
 */
export async function askForReload(pidFile: string): Promise<void> {
  const isAnswered = readReport(pidFile) !== undefined;
  const askedAt = Date.now();
  signalSupervisor(pidFile, "SIGHUP");
  if (!isAnswered) return; // it cannot write there
  for (;;) {
    await setTimeout(POLL_MS);
    const report = readReport(pidFile);
    if (report !== undefined && report.startedAt >= askedAt) {
      if (report.failure === undefined) return;
      throw new CommandFailure(
        EXIT.failed,
        `${report.failure} (the log says why)`,
      );
    }
    runningPid(pidFile);
  }
}

const POLL_MS = 50;
