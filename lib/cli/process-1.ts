/** In a container without an init, this process is the first one. */
import type { Logger } from "../index.ts";

/** Whose parent has ended becomes a child of process 1, and stays a zombie until that one waits for it. */
export function warnOfProcess1(log: Logger): void {
  if (process.pid === 1)
    log.warn(
      "this is process 1, which has to reap what others have started, and Node.js cannot: " +
        "run it under an init (docker run --init, init: true, tini --)",
    );
}
