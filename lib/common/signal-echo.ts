/** A signal that was sent once, and came twice. */
import { performance } from "node:perf_hooks";

/** Milliseconds. Nobody presses two keys in less. */
const ECHO_MS = 100;

/**
 * `receive`, without what comes again at once: `timeout`, npm and shells signal a process, and then the group in which
 * it is, too. Taken for a second signal, that would cut off what the first lets finish.
 */
export function withoutEchoes<S>(
  receive: (signal: S) => void,
  now: () => number = () => performance.now(),
): (signal: S) => void {
  let last: { readonly signal: S; readonly at: number } | undefined;
  return (signal) => {
    const at = now();
    if (last?.signal === signal && at - last.at < ECHO_MS) return;
    last = { signal, at };
    receive(signal);
  };
}
