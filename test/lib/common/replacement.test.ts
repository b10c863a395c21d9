import { expect } from "chai";
import { afterEach } from "mocha";
import { backoffMs, randomLifetime } from "../../../lib/common/replacement.ts";

describe("randomLifetime()", () => {
  const { random } = Math;
  afterEach(() => (Math.random = random));

  /** The least and the most that chance can give. */
  const between = (limit: number, jitter?: number): [number, number] => {
    const drawn = [1 - Number.EPSILON / 2, 0].map((chance) => {
      Math.random = () => chance;
      return randomLifetime(limit, jitter);
    });
    return drawn as [number, number];
  };

  it("takes up to the jitter off the limit", () => {
    expect(between(10, 0)).to.deep.equal([10, 10]);
    expect(between(10, 3)).to.deep.equal([7, 10]);
  });

  it("takes up to a tenth off by default", () => {
    expect(between(100)).to.deep.equal([90, 100]);
    expect(between(9)).to.deep.equal([9, 9]);
    expect(between(Infinity)).to.deep.equal([Infinity, Infinity]);
  });

  it("leaves one request at least", () => {
    for (const jitter of [9, 10, 1000, Infinity])
      expect(between(10, jitter)).to.deep.equal([1, 10]);
    expect(between(1, 1)).to.deep.equal([1, 1]);
  });

  it("leaves no limit as it is", () => {
    for (const jitter of [0, 5, Infinity])
      expect(between(Infinity, jitter)).to.deep.equal([Infinity, Infinity]);
  });
});

describe("backoffMs()", () => {
  it("is nothing, then doubles, from the first to the last", () => {
    const waits = [0, 1, 2, 3, 4, 5, 2000].map((failures) =>
      backoffMs({ first: 50, last: 500 }, failures),
    );
    expect(waits).to.deep.equal([0, 50, 100, 200, 400, 500, 500]);
  });
});
