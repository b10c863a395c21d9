/** What `eddy doctor` says of an eddy that runs, by its status. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { examine } from "../../lib/cli/doctor/doctor.ts";
import { flagsOf } from "../../lib/cli/doctor/setup.ts";
import { VERSIONS } from "../../lib/status/versions.ts";
import { afterTest } from "../support/hooks.ts";

const well = () => ({
  pid: 1,
  uptimeMs: 7_200_000,
  rss: 0,
  versions: VERSIONS,
  restarts: 12,
  crashes: 1,
  requests: 1000,
  outcomes: { ok: 990, abort: 10, timeout: 0, error: 0, shed: 0, drain: 0 },
  connections: { open: 3, refused: 0, unserved: 2 },
  workers: [
    {
      pid: 2,
      lastReportMs: 900,
      loopDelayMs: { mean: 0, max: 12 },
      applications: [
        {
          kind: "http",
          name: "api",
          parts: [{ name: "10.0.0.1:80", state: "up" }],
        },
      ],
    },
  ],
});

type Status = ReturnType<typeof well>;

async function found(change: (status: Status) => void): Promise<string[]> {
  const status = well();
  change(status);
  const server = createServer((_, response) =>
    response.end(JSON.stringify(status)),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  afterTest(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const flags = await flagsOf(["--stats", `127.0.0.1:${port}`]);
  const { findings } = await examine(flags, []);
  return findings
    .filter(({ where }) => where.startsWith("status"))
    .map(({ code }) => code);
}

describe("eddy doctor --stats", () => {
  it("finds nothing wrong with an eddy that is well", async () => {
    expect(await found(() => {})).to.deep.equal([]);
  });

  const CASES: readonly (readonly [string, (status: Status) => void])[] = [
    ["worker-silent", ({ workers }) => (workers[0]!.lastReportMs = 9000)],
    ["workers-restart", (status) => (status.crashes = 12)],
    ["loop-late", ({ workers }) => (workers[0]!.loopDelayMs.max = 800)],
    ["requests-failed", ({ outcomes }) => (outcomes.error = 40)],
    ["requests-shed", ({ outcomes }) => (outcomes.shed = 1)],
    ["connections-unserved", ({ connections }) => (connections.unserved = 60)],
    [
      "part-out",
      ({ workers }) => (workers[0]!.applications[0]!.parts[0]!.state = "out"),
    ],
    [
      "old-release",
      (status) => (status.versions = { ...VERSIONS, eddy: "0.0.9" }),
    ],
  ];
  for (const [code, change] of CASES)
    it(`finds ${code}`, async () => {
      expect(await found(change)).to.deep.equal([code]);
    });

  it("says that none was looked at where none answers", async () => {
    const flags = await flagsOf(["--stats", "127.0.0.1:1"]);
    expect((await examine(flags, [])).notes.join()).to.include("127.0.0.1:1");
  });
});
