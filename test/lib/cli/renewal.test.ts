import { expect } from "chai";
import { afterEach } from "mocha";
import { createScope } from "effection";
import { lifetime, Renewals } from "../../../lib/cli/renewal.ts";
import type { Settings } from "../../../lib/cli/schema.ts";
import type { WorkerProcess } from "../../../lib/cli/worker-process.ts";
import { Loop } from "../../../lib/index.ts";

describe("A worker's requests", () => {
  const { random } = Math;
  afterEach(() => (Math.random = random));

  const drawn = (chance: number, maxRequests: number): number => {
    Math.random = () => chance;
    return lifetime({ maxRequests });
  };

  it("are as many as the setting says, less up to a tenth", () => {
    expect(drawn(0, 1000)).to.equal(1000);
    expect(drawn(1 - Number.EPSILON / 2, 1000)).to.equal(900);
    expect(drawn(0.5, 1)).to.equal(1);
  });

  it("are without a limit at 0", () => {
    expect(drawn(0.5, 0)).to.equal(Infinity);
  });
});

describe("A renewal", () => {
  it("waits while somebody takes a profile, which takes memory", async () => {
    const replaced: unknown[] = [];
    const [scope, destroy] = createScope();
    const renewals = new Renewals(scope, {
      settings: () => ({ maxRss: 10 }) as Settings,
      log: new Loop({ log: false }).log,
      *replace(worker) {
        replaced.push(worker);
        return true;
      },
    });
    const worker = {
      state: "ready",
      maxRequests: Infinity,
      report: { tally: { accepted: 1 }, rss: 11 },
      isProfiled: true,
    };
    const weigh = (): void =>
      renewals.weigh(worker as unknown as WorkerProcess);
    weigh();
    expect(replaced).to.deep.equal([]);
    worker.isProfiled = false;
    weigh();
    expect(replaced).to.deep.equal([worker]);
    await destroy();
  });
});
