/** What lies in files of the temporary folder that have no name any more. */
import { readdirSync, readlinkSync } from "node:fs";

/** Whether it can be seen how many there are. */
export const SPILLS_SHOW = process.platform === "linux";

/** Counts those that this process opens from now on, and has open; none where it cannot be seen. */
export function countSpills(): () => number {
  const others = new Set(openSpills());
  return () => openSpills().filter((file) => !others.has(file)).length;
}

/** Done when there are none of them left: files may be closed away from the loop. */
export async function noSpills(count: () => number): Promise<void> {
  while (count() > 0) await new Promise((resolve) => setImmediate(resolve));
}

/** By their names, which are none twice. */
function openSpills(): string[] {
  if (!SPILLS_SHOW) return [];
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${descriptor}`);
      return file.includes("eddy-body-") ? [file] : [];
    } catch {
      return []; // the descriptor of this very look
    }
  });
}
