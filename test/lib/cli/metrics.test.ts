import { expect } from "chai";
import { metricsOf } from "../../../lib/cli/metrics.ts";
import type { Status } from "../../../lib/cli/status.ts";

const connections = { open: 4, refused: 2, unserved: 7 };

const loopDelayMs = { mean: 0, max: 0 };
const applications: never[] = [];
const worker = {
  pid: 9,
  state: "ready",
  inFlight: 0,
  rss: 0,
  loopDelayMs,
  applications,
};

const STATUS = {
  restarts: 0,
  outcomes: { ok: 1 },
  workers: [{ ...worker, connections }],
} as unknown as Status;

describe("The metrics", () => {
  it("have the connections: open, refused, and of no use", async () => {
    const metrics = await metricsOf(STATUS);
    expect(metrics).to.match(/^eddy_connections\{pid="9"\} 4$/m);
    expect(metrics).to.match(/^eddy_connections_refused\{pid="9"\} 2$/m);
    expect(metrics).to.match(/^eddy_connections_unserved\{pid="9"\} 7$/m);
  });
});
