/** How much memory this process takes. */

let last = 0;

/**
 * Bytes. Node reads them from a file, which fails while the process has as many files open as it may. The last answer
 * is given then, because the status is not worth a crash.
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

/** The process, or the machine, has as many files open as it may. */
const OUT_OF_FILES = ["EMFILE", "ENFILE"];
