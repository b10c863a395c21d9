/** How long the supervisor waits before it starts a worker in place of one that has ended. */
import { expect } from "chai";
import { pauseMs } from "../../../lib/cli/crashes.ts";

describe("The pause before a worker is started again", () => {
  it("is none for one that has served, but no two are started within half a second", () => {
    const pauses = [100, 499, 500, 60_000].map((ageMs) =>
      pauseMs({ served: true, ageMs, failures: 0 }),
    );
    expect(pauses).to.deep.equal([400, 1, 0, 0]);
  });

  it("is longer and longer for those that end before they serve, however long they take", () => {
    const pauses = Array.from({ length: 10 }, (_, failures) =>
      pauseMs({ served: false, ageMs: 20_000, failures }),
    );
    expect(pauses).to.deep.equal([
      0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000,
    ]);
  });
});
