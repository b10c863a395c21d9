import { expect } from "chai";
import {
  bucketOf,
  filled,
  noDurations,
  quantileMs,
  upperMs,
} from "../../../lib/common/histogram.ts";

describe("A histogram", () => {
  it("puts each duration into a bucket that ends at most an eighth above it", () => {
    for (let us = 0; us < 3e9; us = Math.floor(us * 1.01) + 1) {
      const bucket = bucketOf(us / 1000);
      if (us >= 2 ** 31 - 1) {
        expect(bucket).to.equal(noDurations().length - 1);
        continue;
      }
      const upper = upperMs(bucket) * 1000;
      expect(upper, String(us)).to.be.within(us, us * 1.125 + 1.01);
      if (bucket > 0)
        expect(upperMs(bucket - 1) * 1000).to.be.at.most(us + 1e-6 + 1);
    }
  });

  it("tells within which time such a part of all were", () => {
    const durations = noDurations();
    expect(quantileMs(durations, 0.5)).to.equal(0);
    for (let ms = 1; ms <= 100; ms++) durations[bucketOf(ms)]!++;
    expect(quantileMs(durations, 0.5)).to.be.within(50, 57);
    expect(quantileMs(durations, 0.99)).to.be.within(99, 112);
    expect(filled(durations).reduce((sum, [, n]) => sum + n, 0)).to.equal(100);
  });
});
