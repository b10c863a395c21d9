/** The end of the terminal in which the command runs. */
import { isatty } from "node:tty";
import type { Operation, Queue } from "effection";
import { next, useSignals } from "./use-signals.ts";

/** A terminal that is closed sends SIGHUP, too: that means the end, and not a reload. */
export function* endWithTerminal(
  endings: Queue<NodeJS.Signals, never>,
): Operation<never> {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  const hangups = yield* useSignals(["SIGHUP"]);
  for (;;) {
    const signal = yield* next(hangups);
    if (!terminals.every((descriptor) => isatty(descriptor)))
      endings.add(signal);
  }
}
