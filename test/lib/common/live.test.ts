import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { Live, type Linked } from "../../../lib/common/live.ts";

class One implements Linked<One> {
  before: One | undefined = undefined;
  after: One | undefined = undefined;
  readonly name: string;
  readonly weight: number[];

  constructor(name: string, weight = 0) {
    this.name = name;
    this.weight = Array.from({ length: weight }, () => 0);
  }
}

function filled(names: string): [Live<One>, One[]] {
  const live = new Live<One>();
  const ones = [...names].map((name) => new One(name));
  for (const one of ones) live.add(one);
  return [live, ones];
}

const namesIn = (live: Live<One>): string =>
  live.all().reduce((names, { name }) => names + name, "");

describe("What is live", () => {
  for (const [gone, left] of [
    ["", "abcd"],
    ["a", "bcd"],
    ["d", "abc"],
    ["bc", "ad"],
    ["dcba", ""],
    ["abcd", ""],
  ] as const)
    it(`is "${left}" of "abcd" without "${gone}"`, () => {
      const [live, ones] = filled("abcd");
      for (const name of gone)
        expect(live.delete(ones.find((one) => one.name === name)!)).to.equal(
          true,
        );
      expect(namesIn(live)).to.equal(left);
      expect(live.size).to.equal(left.length);
      expect(ones.filter((one) => live.has(one))).to.deep.equal(live.all());
    });

  it("tells those that are not in it, or not any more", () => {
    const [live, [only]] = filled("a");
    expect(live.delete(new One("b"))).to.equal(false);
    expect(live.delete(only!)).to.equal(true);
    expect(live.delete(only!)).to.equal(false);
    live.add(only!);
    expect(namesIn(live)).to.equal("a");
  });

  it("keeps nothing alive that is gone: minor collections free it", () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as NonNullable<typeof global.gc>;
    const live = new Live<One>();
    const WEIGHT = 500; // some 4 KB each, of which 80 MB come and go
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 20_000; i++) {
      live.add(new One("", WEIGHT));
      if (live.size > 64) live.delete(live.all()[0]!);
      if (i % 1000 === 999) gc({ type: "minor" });
    }
    const grown = process.memoryUsage().heapUsed - before;
    expect(grown / 2 ** 20).to.be.lessThan(8);
  });
});
