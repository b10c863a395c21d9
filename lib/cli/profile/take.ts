/** A profile of this process, as a worker takes it. The inspector is loaded when somebody asks for one. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { writeHeapSnapshot } from "node:v8";
import type { Answers, ProfileOrder } from "../messages.ts";
import type { Watchdog } from "../watchdog.ts";

/**
 * Gives the file, which this user alone can read, in a folder that this user alone can enter. Whatever keeps it from
 * being taken, such as a full disk, is for who has asked.
 */
export async function takeProfile(
  { kind, ms }: ProfileOrder,
  watchdog: Watchdog,
): Promise<Answers["profile"]> {
  try {
    const file =
      kind === "cpu" ? await takeCpuProfile(ms) : takeHeapSnapshot(watchdog);
    return { file };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}

async function takeCpuProfile(ms: number): Promise<string> {
  const profile = JSON.stringify(await cpuProfile(ms));
  return inFolder("cpuprofile", (file) =>
    writeFileSync(file, profile, PRIVATE),
  );
}

const takeHeapSnapshot = (watchdog: Watchdog): string =>
  inFolder("heapsnapshot", (file) => {
    closeSync(openSync(file, PRIVATE.flag, PRIVATE.mode));
    watchdog.excuse(() => void writeHeapSnapshot(file));
  });

/** A folder of its own stays until somebody removes it, but not without a file. */
function inFolder(ending: string, write: (file: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "eddy-profile-"));
  const file = join(folder, `worker-${process.pid}.${ending}`);
  try {
    write(file);
    return file;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

const PRIVATE = { flag: "wx", mode: 0o600 } as const;

/** Of what this thread does within that time. */
async function cpuProfile(ms: number): Promise<unknown> {
  const { Session } = await import("node:inspector/promises");
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await setTimeout(ms);
    return (await session.post("Profiler.stop")).profile;
  } finally {
    session.disconnect();
  }
}
