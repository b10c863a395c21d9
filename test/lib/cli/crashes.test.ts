/** When the supervisor gives up, and how long it waits. */
import { expect } from "chai";
import { Crashes } from "../../../lib/cli/crashes.ts";

/** Crashes of workers that had been ready for so long, at these times in seconds; the first was ready at `served`. */
function crashes(servedMs: number, seconds: number[], served?: number) {
  const crashes = new Crashes();
  if (served !== undefined) crashes.served(served * 1000);
  for (const second of seconds) crashes.note(servedMs, second * 1000);
  return crashes;
}

describe("Crashes of workers", () => {
  it("are hopeless when there are five in a row and none has ever served, however slowly they fail", () => {
    expect(crashes(0, [20, 40, 60, 80]).hopeless).to.equal(false);
    expect(crashes(0, [20, 40, 60, 80, 100]).hopeless).to.equal(true);
  });

  it("are hopeless when there are five within 10 s, at the start", () => {
    expect(crashes(1000, [1, 2, 3, 4], 0).hopeless).to.equal(false);
    expect(crashes(1000, [1, 2, 3, 4, 5], 0).hopeless).to.equal(true);
    expect(crashes(1000, [1, 3, 5, 7, 11], 0).hopeless).to.equal(false);
    expect(crashes(1000, [21, 22, 23, 24, 25], 0).hopeless).to.equal(false);
    expect(crashes(1000, [21, 22, 23, 24, 25], 20).hopeless).to.equal(true);
  });

  it("are followed by longer and longer pauses, until a worker serves for 10 s", () => {
    const row = new Crashes();
    for (const expected of [
      0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000,
    ]) {
      row.note(9999);
      expect(row.waitMs).to.equal(expected);
    }
    row.note(10_000);
    expect(row.waitMs).to.equal(0);
  });
});
