import { expect } from "chai";
import type { Call } from "../../../adapters/python/call.ts";
import { Given } from "../../../adapters/python/given.ts";

const call = (name: string, open = true): Call =>
  ({ name, open }) as unknown as Call;

function filled(...calls: Call[]): Given {
  const given = new Given();
  for (const one of calls) given.add(one);
  return given;
}

describe("The requests that a thread was given", () => {
  const [a, b, c] = [call("a"), call("b"), call("c")];

  it("are numbered from 1 on, whatever of them is finished", () => {
    const given = filled(a, b);
    expect([given.first, given.last, given.count]).to.deep.equal([1, 2, 2]);
    expect(given.finish()).to.equal(a);
    given.add(c);
    expect([given.first, given.last, given.count]).to.deep.equal([2, 3, 2]);
    expect(given.current).to.equal(b);
    expect([0, 1, 2, 3, 4].map((n) => given.at(n))).to.deep.equal([
      undefined,
      undefined,
      b,
      c,
      undefined,
    ]);
  });

  it("keep their numbers when some are taken back", () => {
    const given = filled(a, b, c);
    expect(given.takeFrom(2)).to.deep.equal([b, c]);
    expect([given.first, given.last, given.count]).to.deep.equal([1, 3, 3]);
    expect(given.takeFrom(1)).to.deep.equal([a]);
    expect(given.finish()).to.equal(undefined);
    expect(given.clear()).to.deep.equal([]);
  });

  it("are not taken back when nobody waits for them", () => {
    const given = filled(a, call("left", false), c);
    expect(given.takeFrom(1)).to.deep.equal([a, c]);
    expect(given.wanted).to.equal(false);
  });

  it("are all told of when the thread is gone", () => {
    const given = filled(a, b, c);
    expect(given.wanted).to.equal(true);
    expect(given.clear()).to.deep.equal([a, b, c]);
    expect(given.count).to.equal(0);
  });
});
