/** Standard output as a log, which may have no room left. */
import { pino } from "pino";

/** Bytes of lines that wait for room; what comes then is lost. */
const KEPT = 1024 * 1024;

/**
 * Writes lines soon after they are given.
 *
 * A full disk ends neither the process nor what is being logged: 1 MiB of lines is kept until there is room again, and
 * standard error says so, once.
 */
export function standardOutput(): ReturnType<typeof pino.destination> {
  const output = pino.destination({ dest: 1, sync: false, maxLength: KEPT });
  output.once("error", (error) => {
    process.emitWarning(
      `the log on standard output cannot be written: ${error.message}; ${KEPT} bytes of it are kept until it can`,
    );
  });
  output.on("error", () => {
    output.flushSync = () => {}; // at the end of the process, it would try for ever
  });
  return output;
}
