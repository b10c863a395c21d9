/** How much memory this process takes. */

let last = 0;

/**
 * Bytes. The kernel tells by a file: while a process has as many open as it may, the last answer stands, because a figure
 * of the status is no reason to end.
 */
export function residentBytes(): number {
  try {
    last = process.memoryUsage.rss();
  } catch (error) {
    if (!OUT_OF_FILES.includes((error as NodeJS.ErrnoException).code!))
      throw error;
  }
  return last;
}

/** Of the process, and of the machine. */
const OUT_OF_FILES = ["EMFILE", "ENFILE"];
