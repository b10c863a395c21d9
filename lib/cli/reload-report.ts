/**
 * What became of the last reload, in a file beside the pid file: `eddy reload` waits for it, as a signal has no answer.
 */
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";

interface ReloadReport {
  /** When it began, as `Date.now()` has it. */
  readonly startedAt: number;
  readonly failure?: string | undefined;
}

export const reportFile = (pidFile: string): string => `${pidFile}.reload`;

/** @param pidFile empty: nobody asks. */
export function writeReport(pidFile: string, report: ReloadReport): void {
  if (pidFile === "") return;
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const aside = `${reportFile(pidFile)}.${process.pid}`;
  rmSync(aside, { force: true });
  const opened = openSync(aside, O_WRONLY | O_CREAT | O_EXCL, 0o600); // no link of somebody else's
  writeSync(opened, JSON.stringify(report));
  closeSync(opened);
  renameSync(aside, reportFile(pidFile));
}

/** To whoever will ask for a reload: there is none here, ever. */
export const refuseReloads = (pidFile: string, failure: string): void =>
  writeReport(pidFile, { startedAt: Number.MAX_SAFE_INTEGER, failure });

/** Undefined: there is none. */
export function readReport(pidFile: string): ReloadReport | undefined {
  try {
    return JSON.parse(
      readFileSync(reportFile(pidFile), "utf8"),
    ) as ReloadReport;
  } catch {
    return undefined;
  }
}
