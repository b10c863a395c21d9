/** The signals that ask a process to end (signal(7)): a supervisor's, and Ctrl-C. */

const TERMINATION = ["SIGTERM", "SIGINT"] as const;

/**
 * Calls `first` for the first signal and `second` for the second; the third ends the process, as it would without us.
 * Gives the function that undoes it.
 */
export function onTermination(
  first: (signal: string) => void,
  second: (signal: string) => void,
): () => void {
  const calls = [first, second];
  const receive = (signal: string): void => {
    calls.shift()?.(signal);
    if (calls.length === 0) undo();
  };
  const undo = (): void => {
    for (const signal of TERMINATION) process.off(signal, receive);
  };
  for (const signal of TERMINATION) process.on(signal, receive);
  return undo;
}
