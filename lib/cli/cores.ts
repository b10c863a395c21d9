/**
 * How many cores this process may use: those of the machine that are its own, within the quota of its control group.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Settings } from "./schema.ts";

/**
 * Node.js knows the quota only from version 22 on, and not that of cgroup v1. A part of a core counts as a whole one.
 *
 * @param root where the system's files are.
 */
export function usableCores(root = "/"): number {
  const quota = Math.min(
    ...groupsOf(root).map((group) => quotaOf(root, group)),
  );
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota)));
}

/** How many workers that is. */
export const workersOf = ({ workers }: Pick<Settings, "workers">): number =>
  workers === "auto" ? usableCores() : workers;

/**
 * The folders that may have a quota: of the process's group and of those around it, for cgroup v2 and for v1. In a
 * container they are often the topmost alone.
 */
function groupsOf(root: string): string[] {
  const lines = (read(root, "proc/self/cgroup") ?? "").split("\n");
  const groups = lines.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    if (controllers === "") return around("sys/fs/cgroup", path);
    return controllers!.split(",").includes("cpu")
      ? around("sys/fs/cgroup/cpu", path)
      : [];
  });
  return ["sys/fs/cgroup", "sys/fs/cgroup/cpu", ...groups];
}

const around = (top: string, path: string): string[] => {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, i) => join(top, ...parts.slice(0, i + 1)));
};

/** In cores. */
function quotaOf(root: string, group: string): number {
  const v2 = read(root, join(group, "cpu.max"))?.split(" ");
  const [quota, period] = v2 ?? [
    read(root, join(group, "cpu.cfs_quota_us")),
    read(root, join(group, "cpu.cfs_period_us")),
  ];
  const cores = Number(quota) / Number(period); // "max" and -1: no limit
  return cores > 0 ? cores : Infinity;
}

function read(root: string, path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8").trim();
  } catch {
    return undefined; // another system, or a group without that controller
  }
}
