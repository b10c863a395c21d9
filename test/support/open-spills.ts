/** What lies in files of the temporary folder that have no name any more. */
import { readdirSync, readlinkSync } from "node:fs";

/** Whether it can be seen how many there are. */
export const SPILLS_SHOW = process.platform === "linux";

/** Counts those that this process has opened since now, and has open; none where it cannot be seen. */
export function countSpills(): () => number {
  const before = openSpills();
  return () => openSpills() - before;
}

/** Done when there are none of them left: files may be closed away from the loop. */
export async function noSpills(count: () => number): Promise<void> {
  while (count() > 0) await new Promise((resolve) => setImmediate(resolve));
}

function openSpills(): number {
  if (!SPILLS_SHOW) return 0;
  return readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${descriptor}`);
      return file.includes("eddy-body-");
    } catch {
      return false; // the descriptor of this very look
    }
  }).length;
}
