/** A file that lines are logged to, which may have no room left. */
import { pino } from "pino";

export type LogFile = ReturnType<typeof pino.destination>;

/** Bytes of lines that wait for room; what comes then is lost. */
const KEPT = 1024 * 1024;

/**
 * Opens a path or a descriptor. `sync`: a line is written before `write` returns; else soon.
 *
 * A full disk ends neither the process nor what is being logged: 1 MiB of lines is kept until there is room again, and
 * standard error says so, once.
 *
 * @throws the system's error, when a path cannot be opened.
 */
export function openLogFile(
  dest: string | number,
  { sync }: { sync: boolean },
): LogFile {
  const file = pino.destination({ dest, sync, maxLength: KEPT });
  file.once("error", (error) => {
    process.emitWarning(
      `the log ${nameOf(dest)} cannot be written: ${error.message}; ${KEPT} bytes of it are kept until it can`,
    );
  });
  file.on("error", () => {
    file.flushSync = () => {}; // at the end of the process, it would try for ever
  });
  return file;
}

function nameOf(dest: string | number): string {
  return typeof dest === "string" ? dest : "on standard output";
}
