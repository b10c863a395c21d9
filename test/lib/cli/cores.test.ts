/** `--workers auto`: the quota of control groups, in copies of the files that the kernel has. */
import { availableParallelism } from "node:os";
import { expect } from "chai";
import { usableCores } from "../../../lib/cli/cores.ts";
import { folderWith } from "../../support/folder.ts";

describe("--workers auto", () => {
  const all = availableParallelism();
  for (const [what, files, cores] of [
    ["no control groups", {}, all],
    ["cgroup v2 without a quota", { "cpu.max": "max 100000" }, all],
    ["cgroup v2 with a core", { "cpu.max": "100000 100000" }, 1],
    ["cgroup v2 with half a core", { "cpu.max": "50000 100000" }, 1],
    [
      "cgroup v2 with a core and a bit",
      { "cpu.max": "110000 100000" },
      Math.min(all, 2),
    ],
    [
      "cgroup v2 with more than there are",
      { "cpu.max": "99900000 100000" },
      all,
    ],
    [
      "cgroup v2 with a quota around the group",
      {
        "cpu.max": "max 100000",
        "pods/cpu.max": "100000 100000",
        "pods/one/cpu.max": "max 100000",
        proc: "0::/pods/one",
      },
      1,
    ],
    [
      "cgroup v1 with a core",
      { "cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000" },
      1,
    ],
    [
      "cgroup v1 without a quota",
      { "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000" },
      all,
    ],
    [
      "cgroup v1 with a quota of the group",
      {
        "cpu/docker/one/cpu.cfs_quota_us": "40000",
        "cpu/docker/one/cpu.cfs_period_us": "100000",
        proc: "4:cpu,cpuacct:/docker/one\n3:memory:/docker/two",
      },
      1,
    ],
  ] as [string, Record<string, string>, number][])
    it(`has a worker for each core that it may use: ${what}`, () => {
      const { proc, ...groups } = files;
      const system = Object.fromEntries(
        Object.entries(groups).map(([file, text]) => [
          `sys/fs/cgroup/${file}`,
          `${text}\n`,
        ]),
      );
      if (proc !== undefined) system["proc/self/cgroup"] = `${proc}\n`;
      expect(usableCores(folderWith(system))).to.equal(cores);
    });
});
