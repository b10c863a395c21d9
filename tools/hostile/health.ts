/** What a server's process says of itself, once it has settled. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setImmediate, setTimeout } from "node:timers/promises";

export interface Activity {
  /** Exchanges and sockets that are not over. */
  live: number;
  /** Handlers and sources that have not cleaned up. */
  held: number;
  /** Sockets there have been. */
  upgraded: number;
}

export interface Health extends Activity {
  /** Bytes of the whole process, of objects, and of buffers outside of the heap; after a collection. */
  rss: number;
  heap: number;
  buffers: number;
  /** The highest resident size since the last look. */
  peak: number;
  /** Open files, of which connections are nearly all. 0 where that cannot be seen. */
  files: number;
}

/** How long to wait for a state of the server. The longest that the engine leaves a dead connection alone is 32 s. */
const PATIENCE_MS = 45_000;
const STEP_MS = 10;

/** Looks again and again, but not for ever: whoever waits sees then what there is. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS && !isSo(); waited += STEP_MS)
    await setTimeout(STEP_MS);
}

/** Waits until nothing is live and at most `files` are open. */
export async function settledHealth(
  activity: () => Activity,
  files: number,
): Promise<Health> {
  let settled = activity(); // afterwards honest clients come and go
  await until(() => {
    settled = activity();
    const { live, held } = settled;
    return live === 0 && held === 0 && openFiles() <= files;
  });
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
    ...settled,
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
  if (process.platform !== "linux")
    return process.resourceUsage().maxRSS * 1024;
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** proc(5): 5 sets the peak back to the present size. Other systems keep the highest of all times. */
function forgetHighest(): void {
  if (process.platform === "linux") writeFileSync("/proc/self/clear_refs", "5");
}
