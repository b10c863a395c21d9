/** What a server's process says of itself, once it has settled. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setImmediate, setTimeout } from "node:timers/promises";

export interface Health {
  /** Bytes of the whole process, of objects, and of buffers outside of the heap; after a collection. */
  rss: number;
  heap: number;
  buffers: number;
  /** The highest resident size since the last look. */
  peak: number;
  /** Exchanges that are not over. */
  live: number;
  /** Handlers and sources that have not cleaned up. */
  held: number;
  /** Open files, of which connections are nearly all. 0 where that cannot be seen. */
  files: number;
}

/** How long a server may take until nothing is live. The engine's idle connections take 10 to 14 s. */
const PATIENCE_MS = 20_000;
const STEP_MS = 10;

/** Waits until nothing is live and at most `files` are open, but not for ever. */
export async function settledHealth(
  activity: () => { live: number; held: number },
  files: number,
): Promise<Health> {
  for (let waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
    const { live, held } = activity();
    if (live === 0 && held === 0 && openFiles() <= files) break;
    await setTimeout(STEP_MS);
  }
  await collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const peak = highestResident();
  forgetHighest();
  return {
    rss: process.memoryUsage.rss(),
    heap: heapUsed,
    buffers: arrayBuffers,
    peak,
    files: openFiles(),
    ...activity(),
  };
}

/** Twice: what finalizers let go of is collected by the second. */
async function collect(): Promise<void> {
  if (gc === undefined) throw new Error("start the server with --expose-gc");
  for (let round = 0; round < 2; round++) {
    gc();
    await setImmediate();
  }
}

function openFiles(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
}

/** As the kernel counts it, so that no moment is missed. */
function highestResident(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** proc(5): 5 sets the peak back to the present size. Other systems keep the highest of all times. */
function forgetHighest(): void {
  if (process.platform === "linux") writeFileSync("/proc/self/clear_refs", "5");
}
