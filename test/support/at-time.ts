/** Runs with a clock on the wall that shows `now`, in milliseconds since the epoch; timers keep their own time. */
export async function atTime<T>(
  now: number,
  run: () => T | Promise<T>,
): Promise<T> {
  const real = Date.now;
  Date.now = () => now;
  try {
    return await run();
  } finally {
    Date.now = real;
  }
}
