/** The signals that ask a process to end (signal(7)): a supervisor's, and Ctrl-C. */
import type { Logger } from "../common/log.ts";
import { withoutEchoes } from "../common/signal-echo.ts";
import { isCommanded } from "./command.ts";

const TERMINATION = ["SIGTERM", "SIGINT"] as const;

/** What the signals do to a loop. */
interface Ending {
  readonly log: Logger;
  close(): unknown;
  stop(): unknown;
}

/**
 * The first signal drains the loop, the second stops it; the third ends the process, as it would without us. Gives the
 * function that undoes it. Under the command they are the supervisor's.
 */
export function drainAtTermination(loop: Ending): () => void {
  if (isCommanded()) return () => {};
  const calls = [
    (signal: string) => {
      loop.log.info(`${signal}: draining`);
      loop.close();
    },
    (signal: string) => {
      loop.log.warn(`${signal} again: stopping at once`);
      loop.stop();
    },
  ];
  const receive = withoutEchoes((signal: string) => {
    calls.shift()?.(signal);
    if (calls.length === 0) undo();
  });
  const undo = (): void => {
    for (const signal of TERMINATION) process.off(signal, receive);
  };
  for (const signal of TERMINATION) process.on(signal, receive);
  return undo;
}
