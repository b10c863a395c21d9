/** The application log. */
import { pino, type Logger } from "pino";
import { LineBuffer } from "./line-buffer.ts";

export type { Logger } from "pino";

/** `false`: silent. Nothing: JSON lines to standard output from level "info". */
export function createLog(log: Logger | false | undefined): Logger {
  if (log === false) return pino({ level: "silent" });
  return log ?? pino({}, new LineBuffer(1));
}
