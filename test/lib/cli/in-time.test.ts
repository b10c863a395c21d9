/** What may never end, by a clock of the test's own. */
import { ensure, run, scoped, sleep, suspend, type Operation } from "effection";
import { expect } from "chai";
import { afterEach, beforeEach } from "mocha";
import { openInTime } from "../../../lib/cli/in-time.ts";
import { Clock, settle } from "../../support/clock.ts";

describe("openInTime", () => {
  let clock: Clock;
  let trace: string[];
  beforeEach(() => {
    clock = new Clock();
    clock.install();
    trace = [];
  });
  afterEach(() => clock.uninstall());

  const late = (): Error => new Error("late");

  function* resource(ms: number): Operation<void> {
    yield* ensure(() => void trace.push("closed"));
    yield* sleep(ms);
    trace.push("open");
  }

  /** For a second behind it. */
  async function play(open: () => Operation<unknown>): Promise<string[]> {
    const task = run(() =>
      scoped(function* () {
        yield* openInTime(1000, open, late);
        trace.push("goes on");
        yield* sleep(1000);
        trace.push("ends");
      }),
    ).catch((error: Error) => trace.push(error.message));
    await settle();
    while (clock.advance()) await settle();
    await task;
    return trace;
  }

  it("leaves open what was opened, until its caller ends", async () => {
    expect(await play(() => resource(999))).to.deep.equal([
      "open",
      "goes on",
      "ends",
      "closed",
    ]);
  });

  it("fails after its time, and closes what it had begun", async () => {
    expect(
      await play(function* () {
        yield* resource(500);
        yield* suspend();
      }),
    ).to.deep.equal(["open", "closed", "late"]);
  });

  it("fails as what it opens does", async () => {
    expect(
      await play(function* () {
        yield* resource(500);
        throw new Error("broken");
      }),
    ).to.deep.equal(["open", "closed", "broken"]);
  });
});
