/** How long a worker may be silent, by a clock of the test's own. */
import { run } from "effection";
import { expect } from "chai";
import { afterEach, beforeEach } from "mocha";
import { untilSilent } from "../../../lib/cli/silence.ts";
import type { Settings } from "../../../lib/cli/schema.ts";
import { Clock, settle } from "../../support/clock.ts";

const HOUR_MS = 3_600_000;

describe("untilSilent", () => {
  let clock: Clock;
  let worker: { reports: number; isProfiled: boolean };
  let over: string | undefined;
  beforeEach(() => {
    clock = new Clock();
    clock.install();
    worker = { reports: 0, isProfiled: false };
    over = undefined;
  });
  afterEach(() => clock.uninstall());

  function watch(startTimeout: number, workerTimeout: number): void {
    const settings = { startTimeout, workerTimeout } as Settings;
    void run(function* () {
      over = yield* untilSilent(worker, settings);
    });
  }

  /** Each second `reporting`, or in silence. */
  async function pass(seconds: number, reporting = false): Promise<void> {
    const until = clock.now + seconds * 1000;
    await settle();
    while (clock.advance(until)) {
      if (reporting) worker.reports++;
      await settle();
    }
  }

  it("waits for workerTimeout behind the last report, and lets the worker's own watchdog go first", async () => {
    watch(60_000, 30_000);
    await pass(100, true);
    await pass(33);
    expect(over).to.equal(undefined);
    await pass(2);
    expect(over).to.equal("workerTimeout");
  });

  it("does not take a worker for silent of which somebody takes a profile", async () => {
    watch(60_000, 30_000);
    await pass(2, true);
    worker.isProfiled = true;
    await pass(100);
    expect(over).to.equal(undefined);
    worker.isProfiled = false;
    await pass(35);
    expect(over).to.equal("workerTimeout");
  });

  it("waits for startTimeout until the first report", async () => {
    watch(60_000, 30_000);
    await pass(63);
    expect(over).to.equal(undefined);
    await pass(2);
    expect(over).to.equal("startTimeout");
  });

  for (const none of [0, Infinity])
    it(`waits for ever where there is no limit (${none})`, async () => {
      watch(none, none);
      await pass(1000);
      await pass(1, true);
      await pass(1000);
      expect(over).to.equal(undefined);
    });

  it("does not count the time in which this process stood still itself", async () => {
    watch(60_000, 30_000);
    await pass(1, true);
    const { now } = Date;
    const since = performance.now.bind(performance);
    Date.now = () => now() + HOUR_MS;
    performance.now = () => since() + HOUR_MS;
    try {
      await pass(2);
    } finally {
      Object.assign(Date, { now });
      performance.now = since;
    }
    expect(over).to.equal(undefined);
  });
});
